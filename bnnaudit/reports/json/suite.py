"""Several audits of one command as JSON, and an audit that gave no report: bnnaudit-suite/1 and bnnaudit-failure/1."""

from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.json.audit import report_to_json
from bnnaudit.reports.json.parts import JsonObject, head, record

SUITE = "bnnaudit-suite/1"
FAILURE = "bnnaudit-failure/1"


def suite_to_json(suite: Suite) -> JsonObject:
    """The worst exit code, and every report and failure as a document of its own."""
    return {
        **head(SUITE, suite.provenance),
        "exit_code": int(suite.exit_code),
        "entries": [report_to_json(one) if isinstance(one, Report) else failure_to_json(one) for one in suite.entries],
    }


def failure_to_json(failure: Failure) -> JsonObject:
    """The model, and the line that says what is wrong."""
    return {
        **head(FAILURE, failure.provenance),
        "exit_code": int(failure.exit_code),
        **record(failure, "model", "message"),
    }
