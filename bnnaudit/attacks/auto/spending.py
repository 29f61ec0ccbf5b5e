"""What a run of `auto` may spend, what is left of it, and the progress that is reported of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bnnaudit.attacks.deadline import NEVER, Deadline
from bnnaudit.core.attack import Budget, BudgetUnit

LEAST_STEPS = 5
"""A climb of fewer steps is not begun: its first step is as long as the radius, its last a tenth of that. Not tuned."""


@dataclass(slots=True)
class Spending:
    """A budget for a number of images that is being spent.

    end: of the run. spent: gradients on each image not yet fooled. climbs: climbs and window searches that were paid
    for, which number the random streams. on_progress: called with progress as it is made, `reported` of it so far.
    """

    budget: Budget
    end: Deadline
    images: int
    on_progress: Callable[[int], None]
    spent: float = 0.0
    climbs: int = 0
    reported: int = 0

    @classmethod
    def of(cls, budget: Budget, images: int, on_progress: Callable[[int], None]) -> Spending:
        """From now on."""
        end = Deadline.after(budget.amount) if budget.unit is BudgetUnit.SECONDS else NEVER
        return cls(budget, end, images, on_progress)

    @property
    def is_timed(self) -> bool:
        """Whether the budget is a time."""
        return self.budget.unit is BudgetUnit.SECONDS

    @property
    def left(self) -> float:
        """What is left, in the budget's unit."""
        return self.end.left if self.is_timed else self.budget.amount - self.spent

    @property
    def least(self) -> int:
        """What must be left for anything further; the first climb is made however short."""
        return LEAST_STEPS if self.climbs and not self.is_timed else 0

    @property
    def used(self) -> float:
        """The fraction of the budget that is spent, at most 1."""
        return min(1.0, 1 - self.left / self.budget.amount)

    def deadline(self, amount: float) -> Deadline:
        """When `amount` of what is left will be spent; never where the budget is not a time."""
        return Deadline.after(min(amount, self.left)) if self.is_timed else NEVER

    def gradients(self, amount: float, images: int, so_far: int) -> float:
        """Gradients on each of `images` that `amount` of the budget pays for; of a time, as `so_far` gradients in all did."""
        if not self.is_timed:
            return amount
        return amount * so_far / max(self.budget.amount - self.left, 1e-9) / max(1, images)

    def pay(self, gradients: float) -> None:
        """Counts a finished climb or window search that took so many gradients on each image not yet fooled."""
        self.spent += gradients
        self.climbs += 1
        self._report(int(self.used * self.images * self.budget.units))

    def finish(self) -> None:
        """Reports whatever progress is left to report."""
        self._report(self.images * self.budget.units)

    def _report(self, units: int) -> None:
        """Progress up to so many units in all."""
        self.on_progress(max(0, units - self.reported))
        self.reported = max(units, self.reported)
