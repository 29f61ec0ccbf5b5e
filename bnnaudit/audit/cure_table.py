"""How many images each cure alone recovers: the ordinary attack with exactly one thing changed."""

from __future__ import annotations

from collections.abc import Iterator

from bnnaudit.audit.verdict import estimate
from bnnaudit.core.attack import BetaRule, LossKind, Method
from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Evidence
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.report import EVERYTHING, PAIRED, Cure
from bnnaudit.core.trial import Source, Trial
from bnnaudit.rules.comparison import compare


def cure_candidates(plan: AuditPlan) -> Iterator[tuple[str, str, Trial]]:
    """Each cure with its setting in words and its attack; of several settings of one cure the best is told."""
    for rule in (BetaRule.HNS, BetaRule.NJS):
        yield "temperature", f"b by {str(rule).upper()}", plan.scaled(Method.PGD, rule)
    for surrogate in plan.surrogates:
        if surrogate != plan.ordinary.surrogate:
            yield "surrogate", str(surrogate), plan.surrogate_trial(surrogate)
            yield (
                f"temperature{PAIRED}surrogate",
                f"b by HNS, {surrogate}",
                plan.scaled(Method.PGD, BetaRule.HNS, surrogate),
            )
    for loss in (LossKind.MARGIN, LossKind.DLR):
        yield "loss", str(loss), plan.loss_trial(loss)
    yield "restarts", f"{plan.restarts_trial.attack.restarts} starts", plan.restarts_trial
    yield "steps", f"{plan.iteration_trial.attack.steps} steps", plan.iteration_trial
    yield "arithmetic", "float64", plan.cured_trial(Source.FLOAT64)
    yield "logarithm", "of the outputs", plan.cured_trial(Source.LOGARITHM)
    yield f"temperature{PAIRED}logarithm", "b by HNS, of the outputs", plan.cured_trial(Source.LOGARITHM, BetaRule.HNS)
    yield "bridge", "over the blocking layer", plan.cured_trial(Source.BRIDGED)
    yield "averaging", "over noisy copies", plan.cured_trial(Source.AVERAGED)


def cure_trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The attacks that no check asks for but the table of cures needs."""
    wanted = ("surrogate",) if plan.effort is Effort.QUICK else ("surrogate", "loss")
    return tuple(trial for name, _, trial in cure_candidates(plan) if name in wanted)


def cures_of(evidence: Evidence) -> tuple[Cure, ...]:
    """What each cure that ran recovers of the images that the claim's attack left, and last what all attacks together do."""
    claim = evidence.results.get(evidence.plan.claim)
    if claim is None:
        return ()
    left = int(claim.standing.sum())
    best: dict[str, Cure] = {}
    for name, setting, trial in cure_candidates(evidence.plan):
        result = evidence.results.get(trial)
        if result is None:
            continue
        cure = Cure(name, setting, estimate(compare(claim.standing, result.standing).only_second, left))
        if name not in best or cure.recovered.value > best[name].recovered.value:
            best[name] = cure
    if evidence.verified is not None:
        together = compare(claim.standing, evidence.verified).only_second
        best[EVERYTHING] = Cure(EVERYTHING, "the whole audit", estimate(together, left))
    return tuple(best.values())
