"""Documents as JSON."""

from typing import assert_never

from bnnaudit.core.clever import CleverReport
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Rule
from bnnaudit.core.report import Report
from bnnaudit.experiments.values import Reproduction
from bnnaudit.reports.documents import Catalogue, Document, EffortTable
from bnnaudit.reports.json.audit import report_to_json
from bnnaudit.reports.json.clever import clever_to_json
from bnnaudit.reports.json.explanation import catalogue_to_json, efforts_to_json, rule_to_json
from bnnaudit.reports.json.model import facts_to_json
from bnnaudit.reports.json.reproduction import reproduction_to_json
from bnnaudit.reports.json.strict import JsonValue, json_text
from bnnaudit.reports.page import Page


def write_json(document: Document, page: Page) -> str:
    """The document as JSON, the same for every page."""
    return json_text(to_json(document))


def to_json(document: Document) -> dict[str, JsonValue]:
    """The document as JSON's own values."""
    match document:
        case Report():
            return report_to_json(document)
        case CleverReport():
            return clever_to_json(document)
        case Reproduction():
            return reproduction_to_json(document)
        case ModelFacts():
            return facts_to_json(document)
        case Rule():
            return rule_to_json(document)
        case Catalogue():
            return catalogue_to_json(document)
        case EffortTable():
            return efforts_to_json(document)
        case _:
            assert_never(document)
