"""The catalogue of rules: one file each, imported here under its code and judged in this order. Nothing here imports torch.

A new rule is a new file in the folder of its family, two words here (its import and its code below), and its test.
"""

from bnnaudit.core.evidence import Check
from bnnaudit.core.finding import Rule
from bnnaudit.rules.causes.arithmetic_sensitive import CHECK as SP207
from bnnaudit.rules.causes.code_cuts_gradient import CHECK as SP214
from bnnaudit.rules.causes.gradient_blocked import CHECK as SP205
from bnnaudit.rules.causes.gradient_shattered import CHECK as SP211
from bnnaudit.rules.causes.input_rounded_inside import CHECK as SP210
from bnnaudit.rules.causes.jacobian_off_scale import CHECK as SP202
from bnnaudit.rules.causes.logit_scale import CHECK as SP208
from bnnaudit.rules.causes.output_hides_scores import CHECK as SP212
from bnnaudit.rules.causes.saturated_error_signal import CHECK as SP201
from bnnaudit.rules.causes.softmax_inside import CHECK as SP209
from bnnaudit.rules.causes.steps_unknown import CHECK as SP215
from bnnaudit.rules.causes.surrogate_sensitive import CHECK as SP204
from bnnaudit.rules.causes.vanishing_gradient import CHECK as SP206
from bnnaudit.rules.causes.zero_gradient_steps import CHECK as SP203
from bnnaudit.rules.model.batch_dependent import CHECK as MF407
from bnnaudit.rules.model.clean_accuracy_at_chance import CHECK as MF412
from bnnaudit.rules.model.clean_accuracy_below_declared import CHECK as MF403
from bnnaudit.rules.model.copies_disagree import CHECK as MF401
from bnnaudit.rules.model.dead_classes import CHECK as MF408
from bnnaudit.rules.model.default_session_differs import CHECK as MF409
from bnnaudit.rules.model.fed_otherwise_than_trained import CHECK as MF414
from bnnaudit.rules.model.labels_at_random import CHECK as MF416
from bnnaudit.rules.model.labels_numbered_otherwise import CHECK as MF413
from bnnaudit.rules.model.non_finite_outputs import CHECK as MF402
from bnnaudit.rules.model.output_is_probabilities import CHECK as MF406
from bnnaudit.rules.model.radius_below_one_step import CHECK as MF411
from bnnaudit.rules.model.random_outputs import CHECK as MF405
from bnnaudit.rules.model.successes_do_not_replay import CHECK as MF404
from bnnaudit.rules.model.successes_of_one_session import CHECK as MF410
from bnnaudit.rules.model.unlike_pictures import CHECK as MF415
from bnnaudit.rules.symptoms.above_guessing_at_half_range import CHECK as GM109
from bnnaudit.rules.symptoms.adversarial_equals_original import CHECK as GM116
from bnnaudit.rules.symptoms.attack_not_converged import CHECK as GM115
from bnnaudit.rules.symptoms.attack_too_weak import CHECK as GM117
from bnnaudit.rules.symptoms.hard_label_attack_beats_white_box import CHECK as GM108
from bnnaudit.rules.symptoms.iterations_do_not_help import CHECK as GM101
from bnnaudit.rules.symptoms.loss_does_not_rise import CHECK as GM113
from bnnaudit.rules.symptoms.one_step_beats_many import CHECK as GM102
from bnnaudit.rules.symptoms.query_attack_beats_white_box import CHECK as GM107
from bnnaudit.rules.symptoms.random_search_beats_gradient import CHECK as GM106
from bnnaudit.rules.symptoms.restarts_help_too_much import CHECK as GM105
from bnnaudit.rules.symptoms.step_size_does_not_matter import CHECK as GM111
from bnnaudit.rules.symptoms.success_falls_with_radius import CHECK as GM110
from bnnaudit.rules.symptoms.success_passed_over import CHECK as GM114
from bnnaudit.rules.symptoms.transfer_beats_white_box import CHECK as GM104
from bnnaudit.rules.symptoms.unbounded_attack_fails import CHECK as GM103
from bnnaudit.rules.symptoms.unstable_under_noise import CHECK as GM112
from bnnaudit.rules.verdict.claim_not_verified import CHECK as FR302
from bnnaudit.rules.verdict.declared_accuracy_not_met import CHECK as FR303
from bnnaudit.rules.verdict.temperature_scaling_breaks_it import CHECK as FR301

# fmt: off
CHECKS: tuple[Check, ...] = (
    GM101, GM102, GM103, GM104, GM105, GM106, GM107, GM108, GM109,
    GM110, GM111, GM112, GM113, GM114, GM115, GM116, GM117,
    SP201, SP202, SP203, SP214, SP215, SP204, SP205, SP206, SP207,
    SP208, SP209, SP212, SP210, SP211,
    FR301, FR302, FR303,
    MF401, MF409, MF411, MF410, MF402, MF403, MF404, MF405, MF406,
    MF407, MF408, MF412, MF413, MF416, MF414, MF415,
)
# fmt: on
RULES: dict[str, Rule] = {check.rule.code: check.rule for check in CHECKS}
