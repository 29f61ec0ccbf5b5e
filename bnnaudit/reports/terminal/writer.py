"""Documents for the terminal."""

import io
import re
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from bnnaudit.core.clever import CleverReport
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Rule
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.experiments.values import Reproduction
from bnnaudit.reports.documents import Bibliography, Catalogue, Document, EffortTable
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import drawn_in_ascii
from bnnaudit.reports.terminal.audit import audit_parts
from bnnaudit.reports.terminal.clever import clever_parts
from bnnaudit.reports.terminal.explanation import bibliography_parts, catalogue_parts, effort_parts, rule_parts
from bnnaudit.reports.terminal.inspection import inspection_parts
from bnnaudit.reports.terminal.reproduction import reproduction_parts
from bnnaudit.reports.terminal.suite import failure_parts, suite_parts
from bnnaudit.reports.terminal.typesetting import Parts

_ESCAPE = re.compile("(\x1b\\[[0-9;]*m)")
_TRAILING = re.compile(r"(?:[ \t]|\x1b\[[0-9;]*m)+$", re.MULTILINE)
PARTS: Mapping[type[Document], Callable[[Any, Page], Parts]] = {
    Report: audit_parts,
    Suite: suite_parts,
    Failure: failure_parts,
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


def draw(parts: Parts, page: Page) -> str:
    """The parts without trailing blanks, ending in one line break."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=page.columns,
        color_system="standard" if page.color else None,
        force_terminal=page.color,
        no_color=not page.color,
        force_interactive=False,
        legacy_windows=False,
        markup=False,
        highlight=False,
        emoji=False,
    )
    for part in parts:
        console.print(part)
    text = stream.getvalue()
    if page.ascii:
        text = "".join(run if _ESCAPE.match(run) else drawn_in_ascii(run) for run in _ESCAPE.split(text))
    return _TRAILING.sub(lambda end: "".join(_ESCAPE.findall(end[0])), text).strip("\n") + "\n"
