"""Documents as JSON."""

from collections.abc import Callable, Mapping
from typing import Any

from bnnaudit.core.clever import CleverReport
from bnnaudit.core.comparison import Comparison
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Rule
from bnnaudit.core.history import History
from bnnaudit.core.report import Report
from bnnaudit.core.reproduction import Reproduction
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.documents import Bibliography, Catalogue, Document, EffortTable
from bnnaudit.reports.json.audit import report_to_json
from bnnaudit.reports.json.clever import clever_to_json
from bnnaudit.reports.json.comparison import comparison_to_json
from bnnaudit.reports.json.explanation import bibliography_to_json, catalogue_to_json, efforts_to_json, rule_to_json
from bnnaudit.reports.json.history import history_to_json
from bnnaudit.reports.json.model import facts_to_json
from bnnaudit.reports.json.parts import JsonObject, json_text
from bnnaudit.reports.json.reproduction import reproduction_to_json
from bnnaudit.reports.json.suite import failure_to_json, suite_to_json
from bnnaudit.reports.page import Page

OBJECTS: Mapping[type[Document], Callable[[Any], JsonObject]] = {
    Report: report_to_json,
    Suite: suite_to_json,
    Failure: failure_to_json,
    Comparison: comparison_to_json,
    History: history_to_json,
    CleverReport: clever_to_json,
    Reproduction: reproduction_to_json,
    ModelFacts: facts_to_json,
    Rule: rule_to_json,
    Catalogue: catalogue_to_json,
    Bibliography: bibliography_to_json,
    EffortTable: efforts_to_json,
}


def write_json(document: Document, page: Page) -> str:
    """The document as JSON, the same for every page."""
    return json_text(OBJECTS[type(document)](document))
