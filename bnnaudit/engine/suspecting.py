"""What gradients and noise show before anything is planned, so that the cure for it is among the trials."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.core.batch import Batch
from bnnaudit.core.plan import AuditPlan, Suspicion
from bnnaudit.core.probing import GradientProbe
from bnnaudit.core.progress import Progress
from bnnaudit.core.target import Target
from bnnaudit.core.trial import Source
from bnnaudit.engine.gradient_probe import measure_gradient
from bnnaudit.engine.journal import Journal, recorded
from bnnaudit.engine.noise_probe import measure_noise
from bnnaudit.engine.planning import PROBED
from bnnaudit.engine.trials import Bench
from bnnaudit.engine.views import view_of

BLOCKED = 0.05
"""Share of images without any gradient from which on a bridge is tried."""
TURNING = 0.5
"""Mean cosine of neighbouring gradients below which averaging is tried."""


def suspecting(bench: Bench, plan: AuditPlan, journal: Journal, progress: Progress) -> AuditPlan:
    """Looks at gradients and noise before anything is planned, so that the cure for what they show is among the trials."""
    progress.task("gradients")
    batch = probed(bench)
    suspicions = set()
    with recorded(journal, "gradient"):
        gradient = measure_gradient(bench.target, batch, plan)
        if gradient.probabilities:
            suspicions.add(Suspicion.PROBABILITIES)
            gradient = _before_softmax(gradient, bench.target, batch, plan)
        journal.probes = replace(journal.probes, gradient=gradient)
        if gradient.blocked > BLOCKED * gradient.images:
            suspicions.add(Suspicion.BLOCKED)
    progress.task("answers under noise")
    with recorded(journal, "noise"):
        noise = measure_noise(bench.target, batch, plan)
        journal.probes = replace(journal.probes, noise=noise)
        if noise.gradient_cosine < TURNING and Suspicion.BLOCKED not in suspicions:
            suspicions.add(Suspicion.UNSTABLE)
    return replace(plan, suspicions=frozenset(suspicions))


def probed(bench: Bench) -> Batch:
    """The correctly classified images that probes look at."""
    return bench.sample.select(bench.clean).select(slice(0, PROBED))


def _before_softmax(seen: GradientProbe, target: Target, batch: Batch, plan: AuditPlan) -> GradientProbe:
    """The probe with what concerns the network in front of its softmax measured there.

    A softmax that underflows stops the gradient of all layers before it, which are not to blame.
    """
    behind = measure_gradient(view_of(target, Source.LOGARITHM, plan, batch), batch, plan)
    return replace(
        seen,
        blocked=behind.blocked,
        vanishing=behind.vanishing,
        dies_at=behind.dies_at,
        logit_gap=behind.logit_gap,
    )
