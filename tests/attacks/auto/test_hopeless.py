"""When `auto` gives an image up, by hand calculation."""

import torch

from bnnaudit.attacks.auto.state import Forecast


def test_what_ten_times_the_fall_does_not_bring_down_is_hopeless() -> None:
    """Over 100 of 300 units margins fell by 0, 1 and 5 of 100: ten times as fast they fall by 0, 20 and 100 in the rest."""
    forecast = Forecast(torch.full((3,), 200.0), torch.full((3,), 100.0), 300.0)
    assert forecast.hopeless(torch.tensor([100.0, 99.0, 95.0]), 200.0).tolist() == [True, True, False]
    # From there on another 100 units, in which the last one fell by 1: 94 is more than 10.
    assert forecast.hopeless(torch.tensor([100.0, 80.0, 94.0]), 100.0).tolist() == [True, False, True]


def test_a_margin_that_is_nearly_gone_is_never_hopeless() -> None:
    forecast = Forecast(torch.tensor([10.0, 10.0]), torch.tensor([0.9, 1.1]), 300.0)
    assert forecast.hopeless(torch.tensor([0.9, 1.1]), 200.0).tolist() == [False, True]


def test_what_is_fooled_is_not_hopeless() -> None:
    forecast = Forecast(torch.tensor([10.0]), torch.tensor([5.0]), 300.0)
    assert not forecast.hopeless(torch.tensor([-1.0]), 200.0).any()
