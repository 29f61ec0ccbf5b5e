"""Documents to read in a terminal."""

from typing import assert_never

from bnnaudit.core.clever import CleverReport
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Rule
from bnnaudit.core.report import Report
from bnnaudit.experiments.values import Reproduction
from bnnaudit.reports.documents import Catalogue, Document, EffortTable
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.audit import audit_parts
from bnnaudit.reports.terminal.clever import clever_parts
from bnnaudit.reports.terminal.drawing import Parts, draw
from bnnaudit.reports.terminal.efforts import effort_parts
from bnnaudit.reports.terminal.explanation import catalogue_parts, rule_parts
from bnnaudit.reports.terminal.inspection import inspection_parts
from bnnaudit.reports.terminal.reproduction import reproduction_parts


def write_text(document: Document, page: Page) -> str:
    """The document as text, within the page's width."""
    return draw(_parts(document, page), page)


def _parts(document: Document, page: Page) -> Parts:
    match document:
        case Report():
            return audit_parts(document, page)
        case CleverReport():
            return clever_parts(document, page)
        case Reproduction():
            return reproduction_parts(document, page)
        case ModelFacts():
            return inspection_parts(document, page)
        case Rule():
            return rule_parts(document, page)
        case Catalogue():
            return catalogue_parts(document, page)
        case EffortTable():
            return effort_parts(document, page)
        case _:
            assert_never(document)
