"""The fit against scipy's density: it must be at least as likely as scipy's own, and find the true end."""

import numpy as np
import pytest
import torch
from scipy.stats import weibull_max

from bnnaudit.numerics.extreme_value import FARTHEST, reverse_weibull_end


@pytest.mark.parametrize("shape", [1.5, 3.0, 6.0])
def test_it_finds_the_end_that_the_values_were_drawn_below(shape: float) -> None:
    draws = weibull_max.rvs(shape, loc=5, scale=2, size=(8, 2000), random_state=np.random.default_rng(0))
    ends = reverse_weibull_end(torch.from_numpy(draws)).numpy()
    assert ends.mean() == pytest.approx(5, abs=0.15)
    assert ends == pytest.approx(5, abs=0.7 if shape > 5 else 0.2)
    assert (ends >= draws.max(axis=1)).all()


@pytest.mark.parametrize("shape", [1.5, 3.0, 6.0])
def test_it_is_at_least_as_likely_as_scipy_s_fit(shape: float) -> None:
    draws = weibull_max.rvs(shape, loc=5, scale=2, size=(4, 60), random_state=np.random.default_rng(1))
    for row, end in zip(draws, reverse_weibull_end(torch.from_numpy(draws)).tolist(), strict=True):
        ours = weibull_max.fit(row, floc=end)
        theirs = weibull_max.fit(row)
        if theirs[0] < 1 or theirs[1] > row.max() + FARTHEST * np.ptp(row):
            continue
        assert weibull_max.logpdf(row, *ours).mean() >= weibull_max.logpdf(row, *theirs).mean() - 1e-3


def test_it_moves_and_scales_with_the_values() -> None:
    draws = torch.rand(3, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ends = reverse_weibull_end(draws)
    assert torch.allclose(reverse_weibull_end(draws * 1e-6), ends * 1e-6)
    assert torch.allclose(reverse_weibull_end(draws + 3), ends + 3)


def test_equal_values_are_their_own_end() -> None:
    assert reverse_weibull_end(torch.full((2, 10), 0.7)).tolist() == pytest.approx([0.7, 0.7])
    assert reverse_weibull_end(torch.zeros(1, 10)).tolist() == [0.0]
