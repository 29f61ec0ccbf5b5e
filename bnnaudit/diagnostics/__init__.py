"""The catalogue of checks. Each file holds one check with its rules' text; nothing here imports torch.

Adding a check is a new file, a line in this table, and its test.
"""

from __future__ import annotations

from bnnaudit.core.evidence import Check
from bnnaudit.core.finding import Rule
from bnnaudit.diagnostics import (
    arithmetic,
    attack_strength,
    batch,
    blocked_gradient,
    claim,
    clean_accuracy,
    convergence,
    copies,
    dead_classes,
    default_session,
    determinism,
    error_signal,
    finite,
    half_range,
    input_rounding,
    iterations,
    jacobian_scale,
    logit_scale,
    loss_rise,
    noise,
    one_step,
    outer_softmax,
    passed_over,
    probabilities,
    query_attack,
    radius,
    radius_order,
    random_search,
    replay,
    restarts,
    shattered_gradient,
    step_size,
    surrogate,
    temperature,
    transfer,
    unmoved,
    vanishing_gradient,
    zero_gradient_steps,
)

CHECKS: tuple[Check, ...] = (
    iterations.CHECK,
    one_step.CHECK,
    radius.CHECK,
    transfer.CHECK,
    restarts.CHECK,
    random_search.CHECK,
    query_attack.CHECK,
    half_range.CHECK,
    radius_order.CHECK,
    step_size.CHECK,
    noise.CHECK,
    loss_rise.CHECK,
    passed_over.CHECK,
    convergence.CHECK,
    unmoved.CHECK,
    attack_strength.CHECK,
    error_signal.CHECK,
    jacobian_scale.CHECK,
    zero_gradient_steps.CHECK,
    surrogate.CHECK,
    blocked_gradient.CHECK,
    vanishing_gradient.CHECK,
    arithmetic.CHECK,
    logit_scale.CHECK,
    outer_softmax.CHECK,
    input_rounding.CHECK,
    shattered_gradient.CHECK,
    temperature.CHECK,
    claim.CHECK,
    copies.CHECK,
    default_session.CHECK,
    finite.CHECK,
    clean_accuracy.CHECK,
    replay.CHECK,
    determinism.CHECK,
    probabilities.CHECK,
    batch.CHECK,
    dead_classes.CHECK,
)

RULES: dict[str, Rule] = {rule.code: rule for check in CHECKS for rule in check.rules}

__all__ = ["CHECKS", "RULES"]
