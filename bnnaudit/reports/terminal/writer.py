"""Documents for the terminal."""

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
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.audit import audit_parts
from bnnaudit.reports.terminal.clever import clever_parts
from bnnaudit.reports.terminal.comparison import comparison_parts
from bnnaudit.reports.terminal.drawing import draw
from bnnaudit.reports.terminal.explanation import bibliography_parts, catalogue_parts, effort_parts, rule_parts
from bnnaudit.reports.terminal.history import history_parts
from bnnaudit.reports.terminal.inspection import inspection_parts
from bnnaudit.reports.terminal.reproduction import reproduction_parts
from bnnaudit.reports.terminal.suite import failure_parts, suite_parts
from bnnaudit.reports.terminal.typesetting import Parts

PARTS: Mapping[type[Document], Callable[[Any, Page], Parts]] = {
    Report: audit_parts,
    Suite: suite_parts,
    Failure: failure_parts,
    Comparison: comparison_parts,
    History: history_parts,
    CleverReport: clever_parts,
    Reproduction: reproduction_parts,
    ModelFacts: inspection_parts,
    Rule: rule_parts,
    Catalogue: catalogue_parts,
    Bibliography: bibliography_parts,
    EffortTable: effort_parts,
}


def write_text(document: Document, page: Page) -> str:
    """The document as text, within the page's width."""
    return draw(PARTS[type(document)](document, page), page)
