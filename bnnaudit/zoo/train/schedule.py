"""The learning rate from the first step to the last."""

from __future__ import annotations

import math
from typing import assert_never

from bnnaudit.zoo.train.tables import Schedule, TrainingTable


def learning_rate(plan: TrainingTable, done: float) -> float:
    """The learning rate when the fraction `done` of all steps has been taken.

    It rises in a straight line over the warm-up's epochs, and the schedule counts from there.
    """
    warm = plan.warmup / plan.epochs
    if done < warm:
        return plan.learning_rate * done / warm
    left = (done - warm) / (1 - warm)
    match plan.schedule:
        case Schedule.CONSTANT:
            return plan.learning_rate
        case Schedule.COSINE:
            return plan.learning_rate * (1 + math.cos(math.pi * left)) / 2
        case Schedule.STEPS:
            passed = sum(done * plan.epochs >= milestone for milestone in plan.milestones)
            return plan.learning_rate * plan.step_factor**passed
        case _:
            assert_never(plan.schedule)
