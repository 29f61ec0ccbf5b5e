"""A history for the terminal: a line for each release with both accuracies on one scale, or the models there are."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.comparison import Release
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.history import History, Series
from bnnaudit.reports.history_words import claimed_words, history_line, release_line, series_name, skipped_sentences
from bnnaudit.reports.numbers import count, threat_text
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.terminal.typesetting import OUTCOME_STYLES, Column, Parts, heading, indented, table

TRACK = 25
"""Columns of the scale from 0 to 100 %: four points each."""


def history_parts(history: History, page: Page) -> Parts:
    """The models there are, or the releases of the one that was asked for; then what was skipped."""
    parts: list[RenderableType] = []
    if history.name:
        for series in history.series:
            parts += [heading(series_name(series), page), _scale(series, page), Text(""), _releases(series, page)]
        legend = "• verified with its 95 % interval, x claimed (declared, or what ordinary PGD leaves)."
        parts.append(indented(page.text(legend, "dim")))
    else:
        parts += [table(_overview(history.series, page), page)]
        parts.append(indented(page.text("`bnnaudit history NAME` draws the releases of one model.", "dim")))
    parts += [indented(page.text(words, "yellow")) for words in skipped_sentences(history)]
    return [*parts, Text(""), page.text(history_line(history), "bold")]


def _scale(series: Series, page: Page) -> RenderableType:
    lines = [release_line(kept) for kept in series.releases]
    tracks = [page.text(track(kept.release)) for kept in series.releases]
    return table(
        [
            Column("date", [page.text(line.date) for line in lines]),
            Column("model", [page.text(line.digest) for line in lines], spare=1),
            Column(f"0 %{'100 %':>{TRACK - 3}}", tracks),
            Column("verified, at most", [page.text(line.verified, "bold") for line in lines], right=True, wraps=True),
        ],
        page,
    )


def track(release: Release) -> str:
    """`··x··──•──`: both accuracies on a scale from 0 to 100 %; the verified one covers the claim where they meet."""
    cells = ["·"] * TRACK
    verified: Estimate | None = release.verified
    if verified is not None:
        for place in range(_place(verified.low), _place(verified.high) + 1):
            cells[place] = "─"
    claimed = release.claimed.value if release.declared is None and release.claimed else release.declared
    if claimed is not None:
        cells[_place(claimed)] = "x"
    if verified is not None:
        cells[_place(verified.value)] = "•"
    return "".join(cells)


def _place(share: float) -> int:
    return min(TRACK - 1, max(0, round(share * (TRACK - 1))))


def _releases(series: Series, page: Page) -> RenderableType:
    lines = [release_line(kept) for kept in series.releases]
    styles = ["" if kept.release.outcome is None else OUTCOME_STYLES[kept.release.outcome] for kept in series.releases]
    return table(
        [
            Column("date", [page.text(line.date) for line in lines]),
            Column("bnnaudit", [page.text(line.version) for line in lines], spare=2),
            Column("claimed", [page.text(line.claimed) for line in lines], wraps=True, spare=1),
            Column("status", [page.text(line.status) for line in lines], wraps=True),
            Column("gate", [page.text(line.gate, style) for line, style in zip(lines, styles, strict=True)]),
        ],
        page,
    )


def _overview(series: Sequence[Series], page: Page) -> list[Column]:
    latest = [one.releases[-1] for one in series]
    lines = [release_line(kept) for kept in latest]
    return [
        Column("model", [page.text(short(one.model)) for one in series], wraps=True),
        Column("threat", [page.text(threat_text(one.threat)) for one in series], wraps=True),
        Column("reports", [page.text(count(len(one.releases))) for one in series], right=True),
        Column("latest", [page.text(line.date) for line in lines]),
        Column("claimed", [page.text(claimed_words(kept.release)) for kept in latest], wraps=True, spare=1),
        Column("verified,\nat most", [page.text(line.verified, "bold") for line in lines], wraps=True),
        Column("gate", [page.text(line.gate) for line in lines]),
    ]
