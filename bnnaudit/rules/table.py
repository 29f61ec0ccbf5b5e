"""The catalogue of checks. Each file holds one check with its rules' text; nothing here imports torch.

Adding a check is a new file, a line in this table, and its test.
"""

from __future__ import annotations

from bnnaudit.core.evidence import Check
from bnnaudit.core.finding import Rule
from bnnaudit.rules.causes import (
    arithmetic_sensitive,
    code_cuts_gradient,
    gradient_blocked,
    gradient_shattered,
    input_rounded_inside,
    jacobian_off_scale,
    logit_scale,
    output_hides_scores,
    saturated_error_signal,
    softmax_inside,
    steps_unknown,
    surrogate_sensitive,
    vanishing_gradient,
    zero_gradient_steps,
)
from bnnaudit.rules.model import (
    batch_dependent,
    clean_accuracy_at_chance,
    clean_accuracy_below_declared,
    copies_disagree,
    dead_classes,
    default_session_differs,
    fed_otherwise_than_trained,
    labels_at_random,
    labels_numbered_otherwise,
    non_finite_outputs,
    output_is_probabilities,
    radius_below_one_step,
    random_outputs,
    successes_do_not_replay,
    successes_of_one_session,
    unlike_pictures,
)
from bnnaudit.rules.symptoms import (
    above_guessing_at_half_range,
    adversarial_equals_original,
    attack_not_converged,
    attack_too_weak,
    hard_label_attack_beats_white_box,
    iterations_do_not_help,
    loss_does_not_rise,
    one_step_beats_many,
    query_attack_beats_white_box,
    random_search_beats_gradient,
    restarts_help_too_much,
    step_size_does_not_matter,
    success_falls_with_radius,
    success_passed_over,
    transfer_beats_white_box,
    unbounded_attack_fails,
    unstable_under_noise,
)
from bnnaudit.rules.verdict import claim_not_verified, temperature_scaling_breaks_it

CHECKS: tuple[Check, ...] = (
    iterations_do_not_help.CHECK,
    one_step_beats_many.CHECK,
    unbounded_attack_fails.CHECK,
    transfer_beats_white_box.CHECK,
    restarts_help_too_much.CHECK,
    random_search_beats_gradient.CHECK,
    query_attack_beats_white_box.CHECK,
    hard_label_attack_beats_white_box.CHECK,
    above_guessing_at_half_range.CHECK,
    success_falls_with_radius.CHECK,
    step_size_does_not_matter.CHECK,
    unstable_under_noise.CHECK,
    loss_does_not_rise.CHECK,
    success_passed_over.CHECK,
    attack_not_converged.CHECK,
    adversarial_equals_original.CHECK,
    attack_too_weak.CHECK,
    saturated_error_signal.CHECK,
    jacobian_off_scale.CHECK,
    zero_gradient_steps.CHECK,
    code_cuts_gradient.CHECK,
    steps_unknown.CHECK,
    surrogate_sensitive.CHECK,
    gradient_blocked.CHECK,
    vanishing_gradient.CHECK,
    arithmetic_sensitive.CHECK,
    logit_scale.CHECK,
    softmax_inside.CHECK,
    output_hides_scores.CHECK,
    input_rounded_inside.CHECK,
    gradient_shattered.CHECK,
    temperature_scaling_breaks_it.CHECK,
    claim_not_verified.CHECK,
    copies_disagree.CHECK,
    default_session_differs.CHECK,
    radius_below_one_step.CHECK,
    successes_of_one_session.CHECK,
    non_finite_outputs.CHECK,
    clean_accuracy_below_declared.CHECK,
    successes_do_not_replay.CHECK,
    random_outputs.CHECK,
    output_is_probabilities.CHECK,
    batch_dependent.CHECK,
    dead_classes.CHECK,
    clean_accuracy_at_chance.CHECK,
    labels_numbered_otherwise.CHECK,
    labels_at_random.CHECK,
    fed_otherwise_than_trained.CHECK,
    unlike_pictures.CHECK,
)

RULES: dict[str, Rule] = {rule.code: rule for check in CHECKS for rule in check.rules}

__all__ = ["CHECKS", "RULES"]
