"""A history in the words and figures that all texts for people share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bnnaudit.core.comparison import Release
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.history import History, KeptRelease, Series
from bnnaudit.reports.comparison_words import day, digest
from bnnaudit.reports.numbers import MISSING, percent, plural, threat_text, with_interval
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.verdict_words import ANSWERS


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """A release in words, in the order of a table."""

    date: str
    digest: str
    version: str
    claimed: str
    verified: str
    status: str
    gate: str


TITLES = ("date", "model, SHA-256", "bnnaudit", "claimed", "verified, at most", "status", "gate")


def release_line(kept: KeptRelease) -> ReleaseLine:
    """What a table says of it."""
    release = kept.release
    return ReleaseLine(
        day(release.created),
        digest(release.model_sha256),
        short(release.version, 20),
        claimed_words(release),
        MISSING if release.verified is None else with_interval(release.verified),
        release.status or "no verdict",
        MISSING if release.outcome is None else ANSWERS[release.outcome],
    )


def claimed_words(release: Release) -> str:
    """With whose figure it is, where the maker declares one."""
    if release.declared is not None:
        return f"{percent(release.declared)} declared"
    return MISSING if release.claimed is None else with_interval(release.claimed)


def claim_to_draw(release: Release) -> Estimate | None:
    """The claim as a point of a chart: a declared figure has no interval, and gets one without a width."""
    stated = release.declared
    return release.claimed if stated is None else Estimate(stated, stated, stated, 0)


def series_name(series: Series) -> str:
    """`digits.onnx under L-inf 8/255`."""
    return f"{short(series.model)} under {threat_text(series.threat)}"


def skipped_sentences(history: History) -> Iterator[str]:
    """Files that are no reports, each with its reason."""
    for one in history.skipped:
        yield f"Skipped {short(one.file)}: {short(one.why, 300)}"


def history_line(history: History) -> str:
    """The whole of it, for a log."""
    reports = sum(len(series.releases) for series in history.series)
    models = len({series.model for series in history.series})
    skipped = f", {plural(len(history.skipped), 'file')} skipped" if history.skipped else ""
    return f"{plural(reports, 'report')} on {plural(models, 'model')} in {short(history.folder)}{skipped}"
