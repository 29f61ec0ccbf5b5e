"""The earlier report that a report was held against, in the words that all texts for people share."""

from __future__ import annotations

from collections.abc import Iterator

from bnnaudit.core.comparison import Baseline, GoneFinding
from bnnaudit.reports.comparison_words import change, day, digest, gone_note
from bnnaudit.reports.safe_text import short


def baseline_sentence(baseline: Baseline) -> str:
    """`v1.json, 2026-11-28: clean -1.0 [-2.8, +0.8], verified -76.7 [-81.0, -71.3] points; gone: GM115`."""
    release = baseline.release
    head = short(baseline.file.path) + ("" if release is None else f", {day(release.created)}")
    if baseline.void:
        return f"{head}: excuses nothing, {short(baseline.void)}"
    if release is None:
        return f"{head}: no report of this model under this threat, so everything is new"
    changes = ", ".join(f"{drop.accuracy} {change(drop)}" for drop in baseline.drops)
    gone = ", ".join(dict.fromkeys(one.finding.rule.code for one in baseline.gone))
    return f"{head}: {changes or 'no figure to compare'}{' points' if changes else ''}" + (
        f"; gone: {gone}" if gone else ""
    )


def baseline_rows(baseline: Baseline) -> Iterator[tuple[str, str]]:
    """Everything about it, a labelled line each."""
    yield "Baseline", baseline_sentence(baseline)
    yield "Baseline, SHA-256", baseline.file.sha256
    release = baseline.release
    if release is not None:
        model = f"{short(release.model)}, SHA-256 {digest(release.model_sha256)}"
        yield "Baseline's model", f"{model}, audited by bnnaudit {short(release.version)}"
    for warning in baseline.warnings:
        yield "Note", warning


def gone_lines(baseline: Baseline) -> Iterator[tuple[str, str]]:
    """Code and name of each finding that is gone, and what it said, or why it may only seem to be gone."""
    for one in baseline.gone:
        yield _gone(one)


def _gone(one: GoneFinding) -> tuple[str, str]:
    rule = one.finding.rule
    return f"{rule.code} {rule.name}", gone_note(one) or one.finding.message
