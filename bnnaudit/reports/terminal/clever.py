"""CLEVER scores to read."""

from collections.abc import Sequence

from rich.console import RenderableType

from bnnaudit.core.attack import BetaRule
from bnnaudit.core.clever import BALLS, Ball, CleverReport, CleverRow
from bnnaudit.reports.numbers import count, duration, length, percent, plural, significant
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.typesetting import Column, Parts, heading, labelled, notes, table


def clever_parts(report: CleverReport, page: Page) -> Parts:
    """The settings, the table of scores, and what they mean."""
    remarks = [
        "Estimated distance to the nearest adversarial image, in units of the [0,1] image; b is the median. The scores "
        "are meant as lower bounds and prove nothing: only attacks show what is within reach.",
        "A temperature does not change the margin of the logits; softmax(b a) is what an attack with it sees.",
    ]
    capped = max((row.scores[ball].at_radius for row in report.rows for ball in Ball), default=0.0)
    if capped > 0:
        remarks.append(f"Scores end at the radius, which up to {percent(capped)} of the images in a column reach.")
    return [
        page.text(report.model.path, "bold"),
        _overview(report, page),
        heading("CLEVER scores", page),
        table(_columns(report.rows, page), page),
        *notes(remarks, page),
    ]


def _overview(report: CleverReport, page: Page) -> RenderableType:
    settings = report.settings
    rows = [
        ("Images", f"{plural(report.images, 'correctly classified image')} of {count(report.data.samples)}"),
        ("Targets", f"the lowest score over the {plural(settings.targets, 'most likely other class')}"),
        ("Draws", f"{count(settings.batches)} batches of {plural(settings.draws, 'point')} in each ball"),
        ("Radii", ", ".join(f"{BALLS[ball]} {length(settings.radii[ball])}" for ball in Ball)),
        ("Surrogate", report.surrogate),
        ("Time", duration(report.seconds)),
    ]
    return labelled((label, page.text(words)) for label, words in rows)


def _columns(rows: Sequence[CleverRow], page: Page) -> list[Column]:
    betas = ["any" if row.beta is None else significant(row.beta_median) for row in rows]
    columns = [
        Column("margin of", [page.text(_function(row)) for row in rows], wraps=True),
        Column("b", [page.text(words) for words in betas], right=True, spare=2),
    ]
    for ball in Ball:
        scores = [row.scores[ball] for row in rows]
        columns += [
            Column(f"{BALLS[ball]} mean", [page.text(significant(score.mean)) for score in scores], right=True),
            Column("median", [page.text(significant(score.median)) for score in scores], right=True, spare=1),
        ]
    return columns


def _function(row: CleverRow) -> str:
    """`logits`, `softmax` as the network is, `softmax, hns`."""
    if row.beta is None:
        return "logits"
    return "softmax" if row.beta.rule is BetaRule.NONE else f"softmax, {row.beta}"
