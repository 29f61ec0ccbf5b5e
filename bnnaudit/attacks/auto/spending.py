"""What a run of `auto` may spend, and what is left of it."""

from __future__ import annotations

from dataclasses import dataclass

from bnnaudit.attacks.deadline import NEVER, Deadline
from bnnaudit.core.attack import Budget, BudgetUnit


@dataclass(slots=True)
class Spending:
    """A budget that is being spent. end: of the run. spent: gradients on each image that still stands."""

    budget: Budget
    end: Deadline
    spent: float = 0.0

    @classmethod
    def of(cls, budget: Budget) -> Spending:
        """From now on."""
        return cls(budget, Deadline.after(budget.amount) if budget.unit is BudgetUnit.SECONDS else NEVER)

    @property
    def is_timed(self) -> bool:
        """Whether the budget is a time."""
        return self.budget.unit is BudgetUnit.SECONDS

    @property
    def left(self) -> float:
        """What is left, in the budget's unit."""
        return self.end.left if self.is_timed else self.budget.amount - self.spent

    @property
    def used(self) -> float:
        """The fraction of the budget that is spent, at most 1."""
        return min(1.0, 1 - self.left / self.budget.amount)

    def deadline(self, amount: float) -> Deadline:
        """When `amount` of what is left will be spent; never where the budget is no time."""
        return Deadline.after(min(amount, self.left)) if self.is_timed else NEVER

    def gradients(self, amount: float, images: int, so_far: int) -> float:
        """Gradients on each of `images` that `amount` of the budget pays for; of a time, as `so_far` gradients in all did."""
        if not self.is_timed:
            return amount
        return amount * so_far / max(self.budget.amount - self.left, 1e-9) / max(1, images)
