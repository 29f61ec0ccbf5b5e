"""What the deployed model's scores can tell apart, counted."""

from __future__ import annotations

import torch

from bnnaudit.core.scores import OutputScores
from bnnaudit.measurements.agreement import output_scores


def test_ties_values_and_ends_are_counted() -> None:
    scores = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.5, 0.0], [0.25, 0.5, 0.0]])
    assert output_scores(scores) == OutputScores(images=3, tied=1, distinct=4, at_ends=6, total=9)


def test_an_end_that_nobody_shares_saturates_nothing() -> None:
    scores = torch.tensor([[3.0, 1.0], [2.0, 0.0]])
    assert output_scores(scores) == OutputScores(images=2, tied=0, distinct=4, at_ends=0, total=4)


def test_scores_that_are_all_equal_lie_at_an_end_once() -> None:
    assert output_scores(torch.zeros(2, 3)) == OutputScores(images=2, tied=2, distinct=1, at_ends=6, total=6)
