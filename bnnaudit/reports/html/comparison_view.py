"""Two releases on one page: the answer in a sentence, the figures beside one another, and what became of the findings."""

from __future__ import annotations

from dataclasses import dataclass

from bnnaudit.core.comparison import Comparison, ModelComparison, NotCompared
from bnnaudit.reports.comparison_words import (
    Changed,
    Line,
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
from bnnaudit.reports.html.headline import TONES, Tone
from bnnaudit.reports.html.room import Room
from bnnaudit.reports.verdict_words import ANSWERS

Words = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AskedLine:
    """One thing that was asked, in words."""

    asked: str
    answer: str
    tone: Tone
    reason: str


@dataclass(frozen=True, slots=True)
class PairView:
    """A model in both releases. key: begins the anchors of its parts."""

    key: str
    name: str
    sentence: str
    releases: Words
    figures: tuple[Line, ...]
    basis: tuple[str, ...]
    warnings: tuple[str, ...]
    changed: tuple[Changed, ...]
    unchanged: str
    criteria: tuple[AskedLine, ...]


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """answer, tone: of the command as a whole. lost: models that could not be audited, and why."""

    answer: str
    tone: Tone
    exit_code: int
    sentence: str
    pairs: tuple[PairView, ...]
    total: int
    lost: Words
    alone: tuple[str, ...]
    files: Words
    command: str


def comparison_view(comparison: Comparison, room: Room) -> ComparisonView:
    """As many models as there is room for."""
    answer, tone = ANSWERS[comparison.outcome], TONES[comparison.outcome]
    pairs = [entry for entry in comparison.entries if isinstance(entry, ModelComparison)]
    sentence = comparison_lines(comparison)[0].partition("  ")[2]
    return ComparisonView(
        answer,
        tone,
        int(comparison.exit_code),
        f"{sentence[:1].upper()}{sentence[1:]}.",
        tuple(_pair(pair, f"r{number}", room) for number, pair in enumerate(pairs[: room.reports], 1)),
        len(pairs),
        tuple((entry.model, entry.message) for entry in comparison.entries if isinstance(entry, NotCompared)),
        tuple(alone_sentences(comparison)),
        (("Older report", file_words(comparison.older)), ("Newer report", file_words(comparison.newer))),
        comparison.provenance.command,
    )


def _pair(pair: ModelComparison, key: str, room: Room) -> PairView:
    changed = changed_findings(pair)
    unchanged = [one.finding.rule.code for one in changed if one.state == "unchanged"]
    return PairView(
        key,
        pair_name(pair),
        pair_sentence(pair),
        (
            ("Older", release_words(pair.older)),
            ("Newer", release_words(pair.newer)),
            ("Images", images_words(pair)),
        ),
        tuple(figure_lines(pair)),
        tuple(basis_sentences(pair)),
        pair.warnings,
        tuple(one for one in changed if one.state != "unchanged")[: room.entries],
        ", ".join(unchanged[: room.entries]),
        tuple(AskedLine(each.asked, ANSWERS[each.outcome], TONES[each.outcome], each.reason) for each in pair.criteria),
    )
