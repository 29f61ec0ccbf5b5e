"""The rows of a summary: what a model is, what the gate was asked and answered, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from bnnaudit.core.report import Report, Status
from bnnaudit.reports.baseline_words import baseline_sentence
from bnnaudit.reports.numbers import bits, count, plural, threat_text, with_interval
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.terminal.drawing import draw
from bnnaudit.reports.terminal.typesetting import OUTCOME_STYLES, Parts, indented
from bnnaudit.reports.verdict_words import (
    claimed_words,
    criterion_line,
    gate_sentence,
    model_sentence,
    open_criteria,
    verified_words,
)

LINES, ROOMY = 10, 80
"""Lines of a summary on a page of at least so many columns, as far as rows can be left out: what a reader takes in at once.
Not tuned."""
_CRITERIA = 3
"""Criteria that are named of several which keep a model from passing; the section on the gate has all. Not tuned."""
_LABELS = 8
VERDICT = "Verdict"
SHORT = ("Model", "Data", VERDICT, "Gate", "", "To do")
"""Labels of the rows that each of many models has."""
_STATUS_STYLES = {Status.FAKE: "bold red", Status.CLAIM_NOT_MET: "bold red", Status.AS_CLAIMED: "bold green"}


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled line or several. spare: where there is no room the rows with the highest go first; those with 0 stay."""

    label: str
    text: Text
    spare: int = 0


def drawn(rows: Sequence[Row]) -> Parts:
    """Labels and texts beside one another."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", width=_LABELS, no_wrap=True)
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(row.label, row.text)
    return [indented(grid)] if rows else []


def fitting_rows(rows: Sequence[Row], lines: int, page: Page) -> list[Row]:
    """The rows that there is room for; all of them on a page so narrow that lines are broken anyway."""
    kept = list(rows)
    if page.columns < ROOMY:
        return kept
    for spare in sorted({row.spare for row in rows} - {0}, reverse=True):
        if len(draw(drawn(kept), page).splitlines()) > lines:
            kept = [row for row in kept if row.spare != spare]
    return kept


def summary_parts(report: Report, page: Page) -> Parts:
    """Ten lines at 80 columns, more only where names or reasons are long; nothing of a run that judged nothing."""
    return drawn(fitting_rows(summary_rows(report, page), LINES, page))


def summary_rows(report: Report, page: Page) -> list[Row]:
    """All of them, in reading order; none of a run that judged nothing."""
    verdict = report.verdict
    if verdict is None:
        return []
    style = _STATUS_STYLES.get(verdict.status, "bold yellow")
    rows = [
        Row("Model", page.text(f"{short(report.model.path)}, {_precision(report)}")),
        Row("Data", page.text(_data(report))),
        Row("Clean", page.text(with_interval(report.clean_accuracy))),
        Row("Claimed", page.text(claimed_words(verdict))),
        Row("Verified", page.text(verified_words(verdict), "bold")),
        Row(VERDICT, page.text(model_sentence(report, verdict), style)),
        *_baseline_rows(report, page),
        *_gate_rows(report, page),
    ]
    if report.advice:
        rows.append(Row("To do", page.text(report.advice[0].text)))
    if report.remedy is not None:
        rows.append(Row("Cure", page.text(_cure(report)), spare=1))
    return rows


def _precision(report: Report) -> str:
    """`1-bit weights and activations`, `8-bit weights, float activations`."""
    weights, activations = (_kind(number) for number in (report.model.weight_bits, report.model.activation_bits))
    same = weights == activations
    return f"{weights} weights and activations" if same else f"{weights} weights, {activations} activations"


def _kind(number: int | None) -> str:
    return (
        "unknown"
        if number is None
        else "float"
        if number == 32
        else bits(number).replace(" bits", "-bit").replace(" bit", "-bit")
    )


def _data(report: Report) -> str:
    """`digits-test.npz, 50 of 300 images; threat L-inf 0.2`."""
    extent, images = report.extent, plural(report.data.samples, "image")
    if extent is not None and extent.ended_early:
        images = f"{count(extent.attacked)} of {plural(extent.available, 'image')}"
    labels = "; no labels: judged by the model's own answers" if not report.data.labelled else ""
    return f"{short(report.data.source)}, {images}; threat {threat_text(report.threat)}{labels}"


def _baseline_rows(report: Report, page: Page) -> list[Row]:
    return [] if report.baseline is None else [Row("Baseline", page.text(baseline_sentence(report.baseline)))]


def _gate_rows(report: Report, page: Page) -> list[Row]:
    """One criterion stands beside the answer; several follow it, a line each."""
    if report.gate is None:
        return []
    style = f"bold {OUTCOME_STYLES[report.gate.outcome]}"
    rows = [Row("Gate", page.text(gate_sentence(report), style))]
    missing = open_criteria(report.gate)
    if len(missing) < 2:
        return rows
    for criterion in missing[:_CRITERIA]:
        rows.append(Row("", page.text(criterion_line(criterion, report.verdict), OUTCOME_STYLES[criterion.outcome])))
    if len(missing) > _CRITERIA:
        rows.append(Row("", page.text(f"and {len(missing) - _CRITERIA} more", "dim")))
    return rows


def _cure(report: Report) -> str:
    """What makes the attacks work that fail; it says nothing about what to do with the model."""
    remedy = report.remedy
    assert remedy is not None
    share = remedy.cure.recovered
    images = f"{count(round(share.value * share.n))} of {count(share.n)} images left"
    return f"of the attacks: {remedy.cure.name} ({remedy.cure.setting}) fools {images}"
