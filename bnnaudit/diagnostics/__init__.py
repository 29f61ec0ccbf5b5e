"""The catalogue of checks. Each file holds one check with its rules' text; nothing here imports torch.

Adding a check is a new file, a line in this table, and its test.
"""

from __future__ import annotations

from bnnaudit.core.evidence import Check
from bnnaudit.core.finding import Rule
from bnnaudit.diagnostics import (
    claim,
    clean_accuracy,
    copies,
    default_session,
    determinism,
    error_signal,
    finite,
    iterations,
    jacobian_scale,
    one_step,
    radius,
    replay,
    surrogate,
    temperature,
    transfer,
    zero_gradient_steps,
)

CHECKS: tuple[Check, ...] = (
    iterations.CHECK,
    one_step.CHECK,
    radius.CHECK,
    transfer.CHECK,
    error_signal.CHECK,
    jacobian_scale.CHECK,
    zero_gradient_steps.CHECK,
    surrogate.CHECK,
    temperature.CHECK,
    claim.CHECK,
    copies.CHECK,
    default_session.CHECK,
    finite.CHECK,
    clean_accuracy.CHECK,
    replay.CHECK,
    determinism.CHECK,
)

RULES: dict[str, Rule] = {rule.code: rule for check in CHECKS for rule in check.rules}

__all__ = ["CHECKS", "RULES"]
