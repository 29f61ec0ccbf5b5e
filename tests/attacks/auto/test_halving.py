"""Choosing a portfolio on made-up trials whose right answer is plain."""

import pytest
import torch
from torch import Tensor

from bnnaudit.attacks.auto.halving import PORTFOLIO, ROUNDS, choose, price
from bnnaudit.core.attack import Pgd


def candidates(count: int) -> list[Pgd]:
    """Told apart by their restarts, 1 to count."""
    return [Pgd(restarts=number) for number in range(1, count + 1)]


class Trials:
    """Falls of the margin (candidates, images) from a table; remembers what was asked."""

    def __init__(self, falls: Tensor) -> None:
        self.falls = falls
        self.asked: list[tuple[int, int, int]] = []

    def __call__(self, settings: Pgd, images: int, steps: int) -> Tensor:
        self.asked.append((settings.restarts, images, steps))
        return self.falls[settings.restarts - 1, :images]


def chosen(falls: Tensor) -> tuple[list[int], Trials]:
    trials = Trials(falls)
    portfolio = choose(candidates(len(falls)), falls.shape[1], trials)
    return [settings.restarts for settings in portfolio], trials


def test_what_breaks_other_images_is_worth_more_than_what_nearly_does_as_well_on_the_same() -> None:
    best, as_good, other = [0.9, 0.9, 0.9, 0.0], [0.9, 0.85, 0.8, 0.0], [0.0, 0.0, 0.0, 0.3]
    assert chosen(torch.tensor([as_good, other, best]))[0] == [3, 2]


def test_a_portfolio_is_no_longer_than_it_may_be_and_begins_with_the_best() -> None:
    falls = 0.9 * torch.eye(8) + 0.01
    falls[3] += 0.05
    portfolio, _ = chosen(falls)
    assert portfolio[0] == 4
    assert len(set(portfolio)) == len(portfolio) == PORTFOLIO


def test_where_nothing_helps_one_setting_is_left() -> None:
    assert len(chosen(torch.zeros(6, 8))[0]) == 1


def test_the_worse_half_goes_after_each_round() -> None:
    falls = torch.linspace(0.1, 0.9, 24)[:, None].expand(24, 32)
    portfolio, trials = chosen(falls)
    asked = [[entry[0] for entry in trials.asked if entry[1:] == round_] for round_ in ROUNDS]
    assert [sorted(numbers) for numbers in asked] == [
        list(range(1, 25)),
        list(range(13, 25)),
        list(range(19, 25)),
    ]
    assert portfolio == [24]


def test_a_late_bloomer_that_survives_the_first_round_is_judged_by_the_last() -> None:
    falls = torch.full((6, 32), 0.1)
    falls[:, :8] = torch.tensor([0.6, 0.5, 0.4, 0.3, 0.2, 0.1])[:, None]
    falls[4, 8:] = 0.9
    assert chosen(falls)[0][0] == 5


@pytest.mark.parametrize("count", [1, 3, 5, 6, 17, 24])
@pytest.mark.parametrize("images", [1, 4, 8, 9, 20, 32])
def test_the_price_is_what_choosing_costs(count: int, images: int) -> None:
    falls = torch.rand(count, images, generator=torch.Generator().manual_seed(count))
    _, trials = chosen(falls)
    assert price(count, images) == sum(used * steps for _, used, steps in trials.asked)
