"""What an audit is going to run: attacks, their order, and how much work they are."""

from __future__ import annotations

from bnnaudit.attacks import METHODS, image_steps
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.diagnostics import CHECKS
from bnnaudit.engine.cures import cure_trials

PROBED = 100
"""Images on which gradients, noise and the climb are looked at."""


def planned_trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """Every attack that the effort allows and some check asks for, once.

    The claim's own comes first, so that an interrupted audit has it, and because others run on what it left.
    """
    asked = [trial for check in CHECKS if plan.effort.reaches(check.least) for trial in check.trials(plan)]
    return tuple(dict.fromkeys([plan.claim, *asked, *cure_trials(plan)]))


def why_not_runnable(trial: Trial) -> str:
    """Why an attack cannot be run at all; empty where it can."""
    entry = METHODS.get(trial.attack.method)
    if entry is None:
        return f"the attack {trial.attack.method} is not available"
    if trial.threat.norm not in entry.norms:
        return f"the attack {trial.attack.method} does not know the norm {trial.threat.norm}"
    if trial.attack.queries < 1:
        return "no queries are allowed"
    return ""


def planned_units(plan: AuditPlan, images: int) -> int:
    """Image-steps of the whole audit on so many correctly classified images, for the progress bar."""
    trials = sum(image_steps(trial.attack) for trial in planned_trials(plan) if not why_not_runnable(trial))
    checks = sum(image_steps(settings) for settings in plan.verification)
    return images * (trials + checks) + climb_units(plan, images)


def climb_units(plan: AuditPlan, images: int) -> int:
    """Image-steps of watching the ordinary attack."""
    return min(images, PROBED) * plan.ordinary.steps
