"""How many images each cure alone recovers, the ordinary attack with exactly one thing changed, and which is the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bnnaudit.auditing.verdict import estimate
from bnnaudit.core.attack import BetaRule, LossKind, Method
from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Evidence
from bnnaudit.core.finding import Family, Finding
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.report import Cure, CureKind, Remedy
from bnnaudit.core.trial import Source, Trial
from bnnaudit.rules.comparison import compare

Kinds = tuple[CureKind, ...]

NEARLY = 0.05
"""Share of the images by which a simpler cure may fall behind the strongest one. Not tuned."""
LEAST = 0.1
"""Share of the images that a remedy has to recover, whatever the others do. Not tuned."""
LEAST_OF_ALL = 0.25
"""Share of what all attacks of the audit recover together that a remedy has to recover. Not tuned."""
TAKES_AWAY: Mapping[CureKind, tuple[str, ...]] = {
    CureKind.TEMPERATURE: ("SP201", "SP202", "SP208"),
    CureKind.SURROGATE: ("SP203", "SP204"),
    CureKind.LOSS: ("SP201", "SP208"),
    CureKind.ARITHMETIC: ("SP207",),
    CureKind.LOGARITHM: ("SP209",),
    CureKind.BRIDGE: ("SP205",),
    CureKind.AVERAGING: ("SP211",),
}
"""The causes that a cure is against; more restarts or steps are against a weak attack, not against a cause."""


def cure_candidates(plan: AuditPlan) -> Iterator[tuple[Kinds, str, Trial]]:
    """Each cure with its setting in words and its attack; of several settings of one cure the best is reported."""
    temperature = CureKind.TEMPERATURE
    for rule in (BetaRule.HNS, BetaRule.NJS):
        yield (temperature,), f"b by {str(rule).upper()}", plan.scaled(Method.PGD, rule)
    for surrogate in plan.surrogates:
        if surrogate != plan.ordinary.surrogate:
            scaled = plan.scaled(Method.PGD, BetaRule.HNS, surrogate)
            yield (CureKind.SURROGATE,), str(surrogate), Trial(replace(plan.ordinary, surrogate=surrogate), plan.threat)
            yield (temperature, CureKind.SURROGATE), f"b by HNS, {surrogate}", scaled
    for loss in (LossKind.MARGIN, LossKind.DLR):
        yield (CureKind.LOSS,), str(loss), Trial(replace(plan.ordinary, loss=loss), plan.threat)
    yield (CureKind.RESTARTS,), f"{plan.restarts_trial.attack.restarts} starts", plan.restarts_trial
    yield (CureKind.STEPS,), f"{plan.iteration_trial.attack.steps} steps", plan.iteration_trial
    yield (CureKind.ARITHMETIC,), "float64", plan.cured_trial(Source.FLOAT64)
    logarithm = plan.cured_trial(Source.LOGARITHM, BetaRule.HNS)
    yield (CureKind.LOGARITHM,), "of the outputs", plan.cured_trial(Source.LOGARITHM)
    yield (temperature, CureKind.LOGARITHM), "b by HNS, of the outputs", logarithm
    yield (CureKind.BRIDGE,), "over the blocking layer", plan.cured_trial(Source.BRIDGED)
    yield (CureKind.AVERAGING,), "over noisy copies", plan.cured_trial(Source.AVERAGED)


def cure_trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The attacks that no check asks for but the table of cures needs."""
    quick: set[Kinds] = {(CureKind.SURROGATE,)}
    wanted = quick if plan.effort is Effort.QUICK else {*quick, (CureKind.LOSS,)}
    return tuple(trial for kinds, _, trial in cure_candidates(plan) if kinds in wanted)


def cures_of(evidence: Evidence) -> tuple[Cure, ...]:
    """What each cure that ran recovers of the images that the claim's attack left, and last what all attacks together do."""
    claim = evidence.results.get(evidence.plan.claim)
    if claim is None:
        return ()
    left = int(claim.standing.sum())
    best: dict[Kinds, Cure] = {}
    for kinds, setting, trial in cure_candidates(evidence.plan):
        result = evidence.results.get(trial)
        if result is None:
            continue
        cure = Cure(kinds, setting, estimate(compare(claim.standing, result.standing).only_second, left))
        if kinds not in best or cure.recovered.value > best[kinds].recovered.value:
            best[kinds] = cure
    if evidence.verified is not None:
        together = compare(claim.standing, evidence.verified).only_second
        everything = (CureKind.EVERYTHING,)
        best[everything] = Cure(everything, "the whole audit", estimate(together, left))
    return tuple(best.values())


def remedy_of(cures: Sequence[Cure], findings: Sequence[Finding]) -> Remedy | None:
    """The cure that recovers most, a pair of them only if no single one comes within five points of it.

    None without a symptom or cause to remedy, or where no cure recovers enough of what all attacks together do.
    """
    found = [finding.rule for finding in findings if finding.rule.family in (Family.SYMPTOM, Family.CAUSE)]
    together = [cure.recovered.value for cure in cures if cure.kinds == (CureKind.EVERYTHING,)]
    bar = max(LEAST, LEAST_OF_ALL * max(together, default=0.0))
    able = [cure for cure in cures if cure.kinds != (CureKind.EVERYTHING,) and cure.recovered.value >= bar]
    if not found or not able:
        return None
    strongest = max(able, key=_share)
    simplest = max((cure for cure in able if len(cure.kinds) == 1), key=_share, default=strongest)
    chosen = simplest if _share(strongest) - _share(simplest) <= NEARLY else strongest
    against = {code for kind in chosen.kinds for code in TAKES_AWAY.get(kind, ())}
    return Remedy(chosen, tuple(rule.code for rule in found if rule.code in against))


def _share(cure: Cure) -> float:
    return cure.recovered.value
