"""The text and the JSON of `clever`."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table

from bnnaudit.core.attack import BetaRule
from bnnaudit.core.clever import Ball, CleverReport, CleverRow, CleverScore
from bnnaudit.reports.json.model import model_to_json
from bnnaudit.reports.json.strict import JsonValue
from bnnaudit.reports.numbers import count, duration, length, percent, plural, significant
from bnnaudit.reports.terminal.style import Look, choose_look, draw
from bnnaudit.reports.terminal.typesetting import heading, indented, labelled

SCHEMA = "bnnaudit-clever/1"
_BALLS = {Ball.L1: "L1", Ball.L2: "L2", Ball.LINF: "L-inf"}


def render_clever(report: CleverReport, *, width: int | None = None, color: bool = False, ascii: bool = False) -> str:
    """The table of scores as text."""
    look = choose_look(width, color, ascii)
    return draw([*_overview(report, look), *_table(report, look)], look)


def _overview(report: CleverReport, look: Look) -> Sequence[RenderableType]:
    settings = report.settings
    draws = f"{count(settings.batches)} batches of {plural(settings.draws, 'point')} in each ball"
    radii = ", ".join(f"{_BALLS[ball]} {length(settings.radii[ball])}" for ball in Ball)
    rows = [
        ("Images", f"{plural(report.images, 'correctly classified image')} of {count(report.data.samples)}"),
        ("Targets", f"the least score over {plural(settings.targets, 'likeliest other class')}"),
        ("Draws", draws),
        ("Radii", radii),
        ("Surrogate", report.surrogate),
        ("Time", duration(report.seconds)),
    ]
    return [look.text(report.model.path, "bold"), labelled((label, look.text(words)) for label, words in rows)]


def _table(report: CleverReport, look: Look) -> Sequence[RenderableType]:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("margin of")
    table.add_column("b", justify="right")
    for ball in Ball:
        table.add_column(f"{_BALLS[ball]} mean", justify="right")
        table.add_column("median", justify="right")
    for row in report.rows:
        cells = [text for ball in Ball for text in _cells(row.scores[ball])]
        beta = "any" if row.beta is None else significant(row.beta_median)
        table.add_row(*(look.text(text) for text in (function_name(row), beta, *cells)))
    notes = [
        "Lengths in the [0,1] image; b is the median. A lower bound is only estimated: see the attacks for proof.",
        "A temperature cancels out of the logits' margin; softmax(b a) is what an attack with it sees.",
    ]
    capped = max((row.scores[ball].at_radius for row in report.rows for ball in Ball), default=0.0)
    if capped > 0:
        notes.append(f"A score never exceeds its radius; in some column {percent(capped)} of the images reached it.")
    return [
        heading("CLEVER scores: estimated distance to the nearest adversarial image", look),
        indented(table),
        *(indented(look.text(note, "dim")) for note in notes),
    ]


def function_name(row: CleverRow) -> str:
    """`logits`, `softmax` as the network is, `softmax, hns`."""
    if row.beta is None:
        return "logits"
    return "softmax" if row.beta.rule is BetaRule.NONE else f"softmax, {row.beta}"


def _cells(score: CleverScore) -> tuple[str, str]:
    return significant(score.mean), significant(score.median)


def clever_to_json(report: CleverReport) -> dict[str, JsonValue]:
    """bnnaudit-clever/1: the settings, and each row's scores in units of the [0,1] image."""
    settings = report.settings
    return {
        "schema": SCHEMA,
        "tool": {"name": "bnnaudit", "version": report.provenance.version},
        "created": report.provenance.created,
        "command": report.provenance.command,
        "model": model_to_json(report.model),
        "data": {"source": report.data.source, "samples": report.data.samples, "sha256": report.data.sha256},
        "images": report.images,
        "surrogate": report.surrogate,
        "batches": settings.batches,
        "draws": settings.draws,
        "targets": settings.targets,
        "radii": {str(ball): settings.radii[ball] for ball in Ball},
        "seconds": report.seconds,
        "rows": [_row(row) for row in report.rows],
    }


def _row(row: CleverRow) -> dict[str, JsonValue]:
    return {
        "function": "logits" if row.beta is None else "softmax",
        "beta": None if row.beta is None else str(row.beta),
        "beta_median": None if row.beta is None else row.beta_median,
        **{
            str(ball): {"mean": score.mean, "median": score.median, "at_radius": score.at_radius}
            for ball, score in row.scores.items()
        },
    }
