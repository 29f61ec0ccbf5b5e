"""What gradients and noise show before anything is planned, so that the cure for it is among the trials."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.auditing.journal import Journal, faults_into
from bnnaudit.auditing.plan import PROBED
from bnnaudit.auditing.trials import RunInputs
from bnnaudit.core.batch import Batch
from bnnaudit.core.plan import AuditPlan, Suspicion
from bnnaudit.core.progress import Progress
from bnnaudit.core.trial import Source
from bnnaudit.measurements.cured_models import cured_model
from bnnaudit.measurements.gradient import measure_gradient
from bnnaudit.measurements.noise import measure_noise

BLOCKED = 0.05
"""Share of images without any gradient above which a bridge is tried. Not tuned."""
TURNING = 0.5
"""Mean cosine of neighbouring gradients below which averaging is tried."""


def with_suspicions(inputs: RunInputs, plan: AuditPlan, journal: Journal, progress: Progress) -> AuditPlan:
    """Looks at gradients and noise before anything is planned, so that the cure for what they show is among the trials."""
    progress.task("gradients")
    batch = probed(inputs)
    suspicions = set()
    with faults_into(journal, "gradient"):
        gradient = measure_gradient(inputs.target, batch, plan)
        if gradient.probabilities:
            suspicions.add(Suspicion.PROBABILITIES)
            # A softmax that underflows stops the gradient of all layers in front of it, which are not to blame.
            behind = measure_gradient(cured_model(inputs.target, Source.LOGARITHM, plan, batch), batch, plan)
            gradient = replace(
                gradient,
                blocked=behind.blocked,
                vanishing=behind.vanishing,
                blocked_at=behind.blocked_at,
                logit_gap=behind.logit_gap,
            )
        journal.probes = replace(journal.probes, gradient=gradient)
        if gradient.blocked > BLOCKED * gradient.images:
            suspicions.add(Suspicion.BLOCKED)
    progress.task("answers under noise")
    with faults_into(journal, "noise"):
        noise = measure_noise(inputs.target, batch, plan)
        journal.probes = replace(journal.probes, noise=noise)
        if noise.gradient_cosine < TURNING and Suspicion.BLOCKED not in suspicions:
            suspicions.add(Suspicion.UNSTABLE)
    return replace(plan, suspicions=frozenset(suspicions))


def probed(inputs: RunInputs) -> Batch:
    """The correctly classified images that probes look at."""
    return inputs.sample.select(inputs.clean).select(slice(0, PROBED))
