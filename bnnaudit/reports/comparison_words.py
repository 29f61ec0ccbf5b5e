"""What changed between two releases, in the words and figures that all texts for people share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bnnaudit.core.comparison import (
    Accuracy,
    Comparison,
    Drop,
    GoneFinding,
    ModelComparison,
    NotCompared,
    Release,
    StoredReport,
)
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.finding import BaselineState, Finding, Severity
from bnnaudit.core.gate import CriterionKind, Outcome
from bnnaudit.reports.numbers import MISSING, count, percent, plural, significant, threat_text, with_interval
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.verdict_words import ANSWERS, EXITS

STATES = {BaselineState.NEW: "new", BaselineState.WORSE: "worse", BaselineState.UNCHANGED: "unchanged"}
GONE = "gone"
_DIGITS = 12
_NAMES = {Accuracy.CLEAN: "clean", Accuracy.VERIFIED: "verified, at most"}


@dataclass(frozen=True, slots=True)
class Line:
    """An accuracy in both releases. change: in points, with its interval; a dash where figures are not held together."""

    name: str
    older: str
    newer: str
    change: str
    p_value: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A finding and what became of it. note: why it may be gone for another reason than a cure."""

    state: str
    finding: Finding
    note: str = ""


def figure_lines(pair: ModelComparison) -> list[Line]:
    """Clean, claimed and verified accuracy, as far as both releases have them."""
    drops = {drop.accuracy: drop for drop in pair.drops}
    clean = _line(Accuracy.CLEAN, drops.get(Accuracy.CLEAN), pair.older.clean, pair.newer.clean)
    verified = _line(Accuracy.VERIFIED, drops.get(Accuracy.VERIFIED), pair.older.verified, pair.newer.verified)
    claimed = Line("claimed", _claim(pair.older), _claim(pair.newer), MISSING, MISSING)
    return [clean, claimed, verified]


def _line(accuracy: Accuracy, drop: Drop | None, older: Estimate | None, newer: Estimate | None) -> Line:
    name = _NAMES[accuracy]
    if drop is None:
        return Line(name, with_interval(older), with_interval(newer), MISSING, MISSING)
    p_value = MISSING if drop.p_value is None else "< 0.001" if drop.p_value < 0.001 else significant(drop.p_value, 2)
    return Line(name, with_interval(drop.older), with_interval(drop.newer), change(drop), p_value)


def change(drop: Drop) -> str:
    """From the older to the newer release, in points: `-1.0 [-3.1, +1.1]`."""
    found = drop.drop
    return f"{_signed(-found.value)} [{_signed(-found.high)}, {_signed(-found.low)}]"


def _signed(fraction: float) -> str:
    text = f"{100 * fraction:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def _claim(release: Release) -> str:
    return with_interval(release.claimed) if release.declared is None else f"{percent(release.declared)} declared"


def basis_sentences(pair: ModelComparison) -> Iterator[str]:
    """What the changes rest on: the same images or independent samples."""
    paired = [drop for drop in pair.drops if drop.paired]
    for total in dict.fromkeys(drop.drop.n for drop in paired):
        drops = [drop for drop in paired if drop.drop.n == total]
        names = " and ".join(drop.accuracy for drop in drops)
        counts = "; ".join(f"{drop.accuracy}: {count(drop.lost)} lost, {count(drop.gained)} gained" for drop in drops)
        yield (
            f"{names.capitalize()} are compared image by image on the {plural(total, 'image')} that both attacked ({counts}). "
            "p is McNemar's exact test."
        )
        if total < max(pair.older.images, pair.newer.images):
            yield f"On all their own images: {_own(pair.older)} before, and {_own(pair.newer)} now."
    if any(not drop.paired for drop in pair.drops):
        names = " and ".join(drop.accuracy for drop in pair.drops if not drop.paired)
        yield (
            f"{names.capitalize()} are not paired: too few images are in both reports. The intervals are those of independent "
            "samples, which are wider."
        )


def _own(release: Release) -> str:
    return f"clean {with_interval(release.clean)}, verified at most {with_interval(release.verified)}"


def changed_findings(pair: ModelComparison) -> list[Changed]:
    """New and worse ones first, then those that are gone, then the unchanged; of each the most severe first."""
    order = list(STATES)
    by_severity = sorted(pair.findings, key=lambda each: tuple(Severity).index(each.severity))
    found = [Changed(STATES[each.baseline], each) for each in by_severity if each.baseline is not None]
    changed = [one for state in order[:2] for one in found if one.state == STATES[state]]
    unchanged = [one for one in found if one.state == STATES[BaselineState.UNCHANGED]]
    return [*changed, *(Changed(GONE, one.finding, gone_note(one)) for one in pair.gone), *unchanged]


def gone_note(gone: GoneFinding) -> str:
    """Why a finding may only seem to be gone."""
    return f"its check has no outcome now: {gone.unchecked}" if gone.unchecked else ""


def release_words(release: Release) -> str:
    """`digits.onnx, 2026-11-28, robust-as-claimed, PASS`."""
    answer = "not asked" if release.outcome is None else ANSWERS[release.outcome]
    parts = (short(release.model), day(release.created), release.status or "no verdict", answer)
    return ", ".join(parts)


def day(created: str) -> str:
    """Of a report's time."""
    return short(created, 40).partition("T")[0]


def digest(sha256: str) -> str:
    """The first digits of a SHA-256; a dash where there is none."""
    return short(sha256, 64)[:_DIGITS] or MISSING


def file_words(file: StoredReport) -> str:
    """A report's file and its digest."""
    return f"{short(file.path)} (SHA-256 {digest(file.sha256)})"


def images_words(pair: ModelComparison) -> str:
    """How many images the two reports share."""
    images = pair.images
    if images.older == images.newer == images.paired:
        return f"the same {plural(images.paired, 'image')}"
    relabelled = f", {count(images.relabelled)} of them with another label" if images.relabelled else ""
    return f"{count(images.older)} and {count(images.newer)} images, {count(images.shared)} of them in both{relabelled}"


def pair_sentence(pair: ModelComparison) -> str:
    """The answer about one model with what it rests on."""
    parts = [*_worse(pair), *_open(pair)] or ["nothing got significantly worse"]
    return f"{ANSWERS[pair.outcome]}, exit {int(pair.exit_code)}: {'; '.join(parts)}"


def _worse(pair: ModelComparison) -> Iterator[str]:
    for criterion in pair.criteria:
        if criterion.outcome is not Outcome.FAILED:
            continue
        if criterion.kind is CriterionKind.FINDINGS:
            yield f"new or worse: {criterion.reason}"
    for drop in _drops_that(pair, Outcome.FAILED):
        allowed = pair.policy.limits.max_drop
        beyond = "" if allowed is None else f", more than {100 * allowed:g}"
        yield f"{drop.accuracy} accuracy {change(drop)} points{beyond}"


def _open(pair: ModelComparison) -> Iterator[str]:
    for criterion in pair.criteria:
        if criterion.kind is CriterionKind.AUDIT and criterion.outcome is Outcome.UNDECIDED:
            yield criterion.reason
    for drop in _drops_that(pair, Outcome.UNDECIDED):
        allowed = pair.policy.limits.max_drop or 0
        yield f"{drop.accuracy} accuracy {change(drop)} points, which may be more than {100 * allowed:g}"


def _drops_that(pair: ModelComparison, outcome: Outcome) -> Iterator[Drop]:
    drops = iter(pair.drops)
    for criterion in pair.criteria:
        if criterion.kind is CriterionKind.BASELINE:
            drop = next(drops)
            if criterion.outcome is outcome:
                yield drop


def pair_name(pair: ModelComparison) -> str:
    """The model under its threat; both names where it was renamed."""
    older, newer = _name(pair.older), _name(pair.newer)
    name = newer if older == newer else f"{older} → {newer}"
    return f"{name} under {threat_text(pair.threat)}"


def _name(release: Release) -> str:
    return short(release.model.replace("\\", "/").rpartition("/")[2] or release.model)


def comparison_lines(comparison: Comparison) -> list[str]:
    """The comparison in one line for a log, from the fullest wording to the shortest."""
    code, entries = comparison.exit_code, comparison.entries
    word = ANSWERS[comparison.outcome]
    if len(entries) == 1 and isinstance(entries[0], ModelComparison):
        pair = entries[0]
        sentence = pair_sentence(pair).partition(": ")[2]
        verified = [drop for drop in pair.drops if drop.accuracy is Accuracy.VERIFIED]
        brief = f"{word}  verified accuracy {change(verified[0])} points" if verified else word
        return [f"{word}  {sentence}", brief, f"{word}  exit code {int(code)}"]
    head = f"{word}  {plural(len(entries), 'model')} compared: {', '.join(_counts(entries))}"
    return [f"{head}; exit code {int(code)} ({EXITS[code]})", head, f"{word}  exit code {int(code)}"]


def _counts(entries: Sequence[ModelComparison | NotCompared]) -> Iterator[str]:
    codes = [entry.exit_code for entry in entries]
    words = ((ExitCode.FAILED, "worse"), (ExitCode.UNFINISHED, "undecided"), (ExitCode.PASSED, "not worse"))
    lost = sum(code in (ExitCode.BAD_INPUT, ExitCode.BUG) for code in codes)
    if lost:
        yield f"{lost} not audited"
    for code, word in words:
        if code in codes:
            yield f"{codes.count(code)} {word}"


def alone_sentences(comparison: Comparison) -> Iterator[str]:
    """What only one release has."""
    sides = (("older", comparison.only_older), ("newer", comparison.only_newer))
    for side, names in sides:
        if names:
            yield f"Only in the {side} release, and not compared: {', '.join(short(name) for name in names)}."
