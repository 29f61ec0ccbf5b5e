"""Which scores are probabilities."""

import pytest
import torch

from bnnaudit.core.scores import are_probabilities

LOGITS = torch.randn((50, 1000), generator=torch.Generator().manual_seed(0)) * 10


def test_a_softmax_is_and_so_is_the_exponential_of_a_log_softmax() -> None:
    assert are_probabilities(torch.softmax(LOGITS, dim=1))
    assert are_probabilities(torch.log_softmax(LOGITS, dim=1).exp())


@pytest.mark.parametrize(
    "rows", [[], [[0.5, 0.6]], [[1.1, -0.1]], [[0.5, 0.5], [0.5, 0.4999]], [[float("nan"), 1.0]]], ids=str
)
def test_others_are_not(rows: list[list[float]]) -> None:
    assert not are_probabilities(torch.tensor(rows).reshape(-1, 2))
