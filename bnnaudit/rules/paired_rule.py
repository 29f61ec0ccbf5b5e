"""Rules that compare two attacks on the same images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence, Judged, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Skip
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial, TrialResult
from bnnaudit.rules.comparison import MATERIAL, SIGNIFICANCE, Paired, accuracy, compare, in_percent, in_points

ENOUGH_LEFT = 0.10
"""Accuracy below which a stronger attack has too little left to gain. Not tuned."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A reference attack and another one after the run; `paired` counts what each fooled alone, the reference first."""

    evidence: Evidence
    reference: TrialResult
    other: TrialResult

    @property
    def paired(self) -> Paired:
        """The two, image by image."""
        return compare(self.reference.standing, self.other.standing)


def paired_rule(
    rule: Rule,
    check: str,
    *,
    comparison: str,
    pairs: Callable[[AuditPlan], Sequence[tuple[Trial, Trial]]],
    numbers: Callable[[Compared], Sequence[Measurement]],
    gain: str,
    message: Callable[[Compared], str],
    confidence: Confidence = Confidence.HIGH,
    least: Effort = Effort.QUICK,
    trials: Callable[[AuditPlan], tuple[Trial, ...]] = no_trials,
    skipped: Callable[[Evidence], str] = lambda evidence: "",
) -> Check:
    """Fires where an attack fools materially more images than the reference that should do at least as well.

    pairs: reference and other attack; of several the pair with the largest gain counts, its p-value times their number (the
    two orders of one pair are one comparison). Where there are none the rule does not apply. comparison, gain: names of the
    comparison and of what the other attack gains. numbers: those that a finding shows before the gain. trials: attacks to run
    as well, before those of the pairs. skipped: why the rule is skipped, empty where it is not.
    """

    def needed(plan: AuditPlan) -> tuple[Trial, ...]:
        return tuple(dict.fromkeys([*trials(plan), *(trial for pair in pairs(plan) for trial in pair)]))

    def judge(evidence: Evidence) -> Judged:
        if why := skipped(evidence):
            return (Skip(check, why),)
        chosen = pairs(evidence.plan)
        if not chosen:
            return ()
        candidates = [Compared(evidence, *(evidence.results[trial] for trial in pair)) for pair in chosen]
        best = max(candidates, key=lambda candidate: candidate.paired.gain)
        paired, comparisons = best.paired, len({frozenset(pair) for pair in chosen})
        if not paired.is_material:
            return paired.undecided(comparison, comparisons)
        shown = (*numbers(best), *paired.measured(gain))
        return (Finding(rule, message(best), rule.severity, confidence, shown, paired.p_among(comparisons)),)

    return Check(check, rule, judge, needed, least)


def both(reference: str, other: str) -> Callable[[Compared], tuple[Measurement, Measurement]]:
    """The accuracy that each of the two attacks leaves, under these names."""
    return lambda seen: (accuracy(reference, seen.reference.standing), accuracy(other, seen.other.standing))


def gain_threshold(other: str, reference: str, times: str = "") -> str:
    """The threshold of a paired rule in words. times: what the p-value is multiplied by, if anything."""
    return (
        f"Fires when {other} takes at least {in_points(MATERIAL)} of accuracy more than {reference}, the 95 % interval of that "
        f"difference lies above zero, and McNemar's exact p-value{f', multiplied by {times},' if times else ''} is below "
        f"{SIGNIFICANCE:g} after Holm's correction over all comparisons of the run."
    )


def no_gain_rule(
    rule: Rule,
    check: str,
    *,
    weaker: tuple[str, Callable[[AuditPlan], Trial]],
    stronger: tuple[str, Callable[[AuditPlan], Trial]],
    gain: str,
    message: Callable[[Compared], str],
    least: Effort = Effort.QUICK,
    excused: Callable[[Evidence], bool] = lambda evidence: False,
) -> Check:
    """Fires where an attack that must be stronger gains next to nothing, although it leaves images to fool.

    weaker, stronger: the name of the accuracy that each leaves, and its trial. excused: whether nothing follows from it.
    """

    def judge(evidence: Evidence) -> Judged:
        seen = Compared(evidence, *(evidence.results[trial(evidence.plan)] for _, trial in (weaker, stronger)))
        before, after = both(weaker[0], stronger[0])(seen)
        if after.value < ENOUGH_LEFT or seen.paired.interval[1] >= MATERIAL or excused(evidence):
            return ()
        numbers = (before, after, *seen.paired.measured(gain))
        return (Finding(rule, message(seen), rule.severity, Confidence.MEDIUM, numbers),)

    return Check(check, rule, judge, lambda plan: (stronger[1](plan), weaker[1](plan)), least)


def no_gain_threshold(stronger: str, weaker: str) -> str:
    """The threshold of such a rule in words."""
    return (
        f"Fires when {stronger} leaves an accuracy of at least {in_percent(ENOUGH_LEFT)} and the 95 % interval of what it takes "
        f"beyond {weaker} lies below {in_points(MATERIAL)}."
    )
