"""What an audit is going to run: attacks, their order, and how much work they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bnnaudit.attacks.table import METHODS
from bnnaudit.auditing.cure_table import cure_trials
from bnnaudit.core.attack import Pgd
from bnnaudit.core.effort import Effort
from bnnaudit.core.plan import AuditPlan, Suspicion
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.core.trial import Source, Trial
from bnnaudit.measurements.attack_strength import attacks_tested, binarization_images
from bnnaudit.measurements.cured_models import COPIES
from bnnaudit.rules.table import CHECKS

PROBED = 100
"""Images on which gradients, noise and the climb are measured. Not tuned."""
PROBE_PASSES = 30
"""Passes for each image that is probed before the attacks, roughly: gradients, noisy copies, other batches."""


def planned_trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """Every attack that the effort allows and some check asks for, once.

    The claim's own comes first, so that an interrupted audit has it, and because others run on what it left.
    """
    running = [check for check in CHECKS if plan.effort.reaches(check.least)]
    asked = [trial for check in running for trial in (*check.trials(plan), *check.optional_trials(plan))]
    return tuple(dict.fromkeys([plan.claim, *asked, *cure_trials(plan)]))


def why_unrunnable(trial: Trial) -> str:
    """Why an attack cannot be run at all; empty where it can."""
    if trial.threat.norm not in METHODS[trial.attack.method].norms:
        return f"the attack {trial.attack.method} does not know the norm {trial.threat.norm}"
    if trial.attack.image_steps < 1:
        return "no queries are allowed"
    return ""


def planned_units(plan: AuditPlan, images: int, probed: int | None = None) -> int:
    """Image-steps of the whole audit, for the progress bar.

    images: correctly classified images that are attacked. probed: those of the whole sample, as many where it is None.
    """
    probed = images if probed is None else probed
    tested = min(probed, binarization_images(plan))
    trials = sum(trial.attack.image_steps for trial in planned_trials(plan) if not why_unrunnable(trial))
    checks = sum(settings.image_steps for settings in plan.verification)
    return images * (trials + checks) + climb_units(plan, probed) + tested * units_of_strength(plan)


def units_of_strength(plan: AuditPlan) -> int:
    """Image-steps of the binarization test for each image that is tested."""
    return sum(settings.image_steps for _, settings in attacks_tested(plan))


def climb_units(plan: AuditPlan, images: int) -> int:
    """Image-steps of following the ordinary attack."""
    return min(images, PROBED) * plan.ordinary.steps


def check_costs() -> tuple[tuple[str, tuple[str, ...], tuple[int | None, ...]], ...]:
    """For each check its name, its rules and, for each effort, its passes for each image, None where it is left out.

    Of a quantized network at the default settings with every suspicion raised. An attack counts where it is first asked
    for; what the probes, the table of cures and the verification cost stands in lines of their own.
    """
    usual = AuditPlan(Threat(Norm.LINF, 8 / 255), Pgd(), 3072, True, suspicions=frozenset(Suspicion))
    columns = [_costs(replace(usual, effort=effort)) for effort in Effort]
    rules = {check.name: (check.rule.code,) for check in CHECKS}
    names = columns[-1]
    return tuple((name, rules.get(name, ()), tuple(column.get(name) for column in columns)) for name in names)


def _costs(plan: AuditPlan) -> dict[str, int]:
    counted: set[Trial] = set()

    def passes(trials: Iterable[Trial]) -> int:
        fresh = [trial for trial in dict.fromkeys(trials) if trial not in counted and not why_unrunnable(trial)]
        counted.update(fresh)
        return sum(trial.attack.image_steps * (COPIES if trial.source is Source.AVERAGED else 1) for trial in fresh)

    costs = {"opening probes": PROBE_PASSES + plan.ordinary.steps, "ordinary PGD": passes([plan.claim])}
    for check in CHECKS:
        if plan.effort.reaches(check.least):
            costs[check.name] = passes((*check.trials(plan), *check.optional_trials(plan)))
    if binarization_images(plan):
        costs["attack-strength"] += units_of_strength(plan)
    costs["table of cures"] = passes(cure_trials(plan))
    costs["verification"] = sum(settings.image_steps for settings in plan.verification)
    return costs
