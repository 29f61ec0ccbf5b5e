"""Two releases compared, for the terminal: what changed, on what it rests, and the answer."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.comparison import Comparison, ModelComparison, NotCompared
from bnnaudit.core.finding import Severity
from bnnaudit.core.gate import Outcome
from bnnaudit.reports.comparison_words import (
    GONE,
    Changed,
    alone_sentences,
    basis_sentences,
    changed_findings,
    comparison_lines,
    figure_lines,
    file_words,
    images_words,
    pair_name,
    pair_sentence,
    release_words,
)
from bnnaudit.reports.numbers import threat_text
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.terminal.typesetting import (
    INDENT,
    OUTCOME_STYLES,
    Column,
    Parts,
    badge,
    heading,
    indented,
    labelled,
    opening,
    table,
)
from bnnaudit.reports.verdict_words import ANSWERS, EXITS

_STATE_STYLES = {"new": "bold red", "worse": "bold red", GONE: "green", "unchanged": "dim"}
_WORDS = {Outcome.PASSED: "met", Outcome.FAILED: "NOT MET", Outcome.UNDECIDED: "UNDECIDED"}


def comparison_parts(comparison: Comparison, page: Page) -> Parts:
    """Each model in turn, then what only one release has, and the line for a log."""
    parts: list[RenderableType] = []
    several = len(comparison.entries) > 1
    for entry in comparison.entries:
        if isinstance(entry, NotCompared):
            parts.append(_not_compared(entry, page))
            continue
        if several:
            parts.append(heading(pair_name(entry), page))
        parts += _pair(comparison, entry, page)
    notes = list(alone_sentences(comparison))
    if notes:
        parts += [heading("Not compared", page), *(indented(page.text(words)) for words in notes)]
    return [*parts, Text(""), comparison_line(comparison, page)]


def comparison_line(comparison: Comparison, page: Page) -> Text:
    """The fullest of the wordings that fits on one line of the page."""
    texts = [page.text(words) for words in comparison_lines(comparison)]
    line = next((text for text in texts if text.cell_len <= page.columns), texts[-1])
    styles = [OUTCOME_STYLES[outcome] for outcome, word in ANSWERS.items() if line.plain.startswith(word)]
    line.stylize(" ".join(("bold", *styles)))
    return line


def _not_compared(entry: NotCompared, page: Page) -> Text:
    name = "" if entry.model in entry.message else f"{short(entry.model)}: "
    words = f"{name}not audited ({EXITS[entry.exit_code]}): "
    return Text.assemble(page.text(words, "bold red"), page.text(entry.message))


def _pair(comparison: Comparison, pair: ModelComparison, page: Page) -> list[RenderableType]:
    rows: list[tuple[str, RenderableType]] = [
        ("Older", page.text(release_words(pair.older))),
        ("Newer", page.text(release_words(pair.newer))),
        ("Threat", page.text(f"{threat_text(pair.threat)}; {images_words(pair)}")),
        ("Answer", page.text(pair_sentence(pair), f"bold {OUTCOME_STYLES[pair.outcome]}")),
    ]
    if page.verbose:
        rows[2:2] = [("Files", page.text(f"{file_words(comparison.older)}, {file_words(comparison.newer)}"))]
    parts: list[RenderableType] = [labelled(rows), heading("Accuracy", page), _figures(pair, page)]
    parts += [indented(page.text(words, "dim")) for words in basis_sentences(pair)]
    parts += [indented(page.text(f"Note: {words}", "yellow")) for words in pair.warnings]
    return [*parts, *_findings(pair, page), *_asked(pair, page)]


def _figures(pair: ModelComparison, page: Page) -> RenderableType:
    lines = figure_lines(pair)
    return table(
        [
            Column("", [page.text(line.name) for line in lines], wraps=True),
            Column("older", [page.text(line.older) for line in lines], right=True),
            Column("newer", [page.text(line.newer, "bold") for line in lines], right=True),
            Column("change, points", [page.text(line.change, "bold") for line in lines], right=True),
            Column("p", [page.text(line.p_value) for line in lines], right=True, spare=1),
        ],
        page,
    )


def _findings(pair: ModelComparison, page: Page) -> list[RenderableType]:
    """What changed, each with the opening of its message; unchanged ones in one line."""
    changed = changed_findings(pair)
    parts: list[RenderableType] = [heading("Findings", page)]
    for one in changed:
        if one.state != "unchanged" or page.verbose:
            parts += [indented(_title(one, page)), *_message(one, page)]
    unchanged = [one.finding.rule.code for one in changed if one.state == "unchanged"]
    if unchanged and not page.verbose:
        parts.append(indented(page.text(f"Unchanged: {', '.join(unchanged)}.", "dim")))
    if not changed:
        parts.append(indented(page.text("None in either release.", "dim")))
    return parts


def _title(one: Changed, page: Page) -> Text:
    rule = one.finding.rule
    state = page.text(one.state.upper(), _STATE_STYLES[one.state])
    waived = page.text(" (waived)" if one.finding.waiver else "", "yellow")
    words = (state, badge(one.finding.severity, page), page.text(rule.code, "bold"), page.text(rule.name, "bold"))
    return Text(" ").join(words).append_text(waived)


def _message(one: Changed, page: Page) -> list[RenderableType]:
    """Unless the page is verbose the opening of what fails or warns; of the others, why they may only seem to be gone."""
    text = page.text(one.note, "yellow") if one.note else page.text(one.finding.message)
    if page.verbose:
        return [indented(text, 2 * INDENT)]
    brief = not one.note and (one.state == GONE or one.finding.severity is Severity.NOTE)
    return [] if brief else [indented(opening(text, page.columns - 2 * INDENT, 2), 2 * INDENT)]


def _asked(pair: ModelComparison, page: Page) -> list[RenderableType]:
    rows = [
        (
            _WORDS[each.outcome],
            Text.assemble(page.text(each.asked), page.text(f" → {each.reason}", OUTCOME_STYLES[each.outcome])),
        )
        for each in pair.criteria
        if page.verbose or each.outcome is Outcome.UNDECIDED
    ]
    return [heading("What was asked", page), labelled(rows)] if rows else []
