import math

import pytest
import torch

from bnnaudit.numerics import hessian_scaling as scaling
from bnnaudit.numerics.jacobian import centred_gram, gram_matrix, hessian_norm_squared
from tests.toy import small_network


@pytest.mark.parametrize("rho", [0.5, 0.01, 1e-6])
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_proposition_1_bounds_the_error_signal(rho: float, classes: int) -> None:
    """b below the bound of the full spread keeps 1 - p_k >= rho; b above that of the top gap brings it to <= rho."""
    if rho >= 1 - 1 / classes:
        pytest.skip("the error signal is above rho at no b")
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, classes, generator=generator, dtype=torch.float64) * 7
    ordered = logits.sort(dim=1, descending=True).values

    def error_signal(betas: torch.Tensor) -> torch.Tensor:
        return 1 - torch.softmax(ordered * betas[:, None], dim=1)[:, 0]

    spread = ordered[:, 0] - ordered[:, -1]
    below = scaling.temperature_bound(math.log(rho), classes, spread) * 0.999
    assert (error_signal(below) >= rho).all()
    above = scaling.temperature_bound(math.log(rho), classes, scaling.top_gap(logits)) * 1.001
    assert (error_signal(above) <= rho).all()


def test_the_bound_is_tight_where_all_other_logits_are_equal() -> None:
    logits = torch.tensor([[3.0, 1.0, 1.0, 1.0]], dtype=torch.float64)
    beta = scaling.temperature_bound(math.log(0.01), 4, torch.tensor([2.0], dtype=torch.float64))
    assert 1 - torch.softmax(beta * logits, dim=1)[0, 0] == pytest.approx(0.01, rel=1e-9)


def test_the_bound_is_finite_where_single_precision_has_no_such_rho() -> None:
    bound = scaling.temperature_bound(scaling.LEAST_LOG_RHO, 10, torch.ones(1))
    assert float(bound) == pytest.approx(72 * math.log(10) + math.log(9), rel=1e-6)


def problem(count: int = 40) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    network = small_network(scale=1.5)
    inputs = torch.rand(count, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    logits, gram = gram_matrix(network, inputs)
    return logits, logits.argmax(dim=1), gram


def test_fine_search_finds_the_maximum_of_a_brute_force_scan() -> None:
    logits, labels, gram = problem()
    betas = scaling.best_betas(logits, labels, scaling.gram_norm(logits, gram), scaling.search_fine)
    scan = torch.logspace(-2, 2, 20_001, dtype=torch.float64) / scaling.top_gap(logits)[:, None]
    norms = hessian_norm_squared(logits, centred_gram(gram, labels), scan)
    best = norms.argmax(dim=1)
    inner = (best > 0) & (best < 20_000)
    assert inner.sum() > 30
    expected = scan.gather(1, best[:, None]).squeeze(1)
    assert torch.allclose(betas[inner], expected[inner], rtol=3e-3)
    assert (betas[~inner] == 1).all()


def test_grid_search_is_the_published_grid_by_hand() -> None:
    logits, labels, gram = problem(5)
    betas = scaling.best_betas(logits, labels, scaling.gram_norm(logits, gram), scaling.search_grid)
    for index in range(5):
        top = logits[index].sort(descending=True).values
        gap = float(top[0] - top[1])
        first, last = (
            math.log(3 * (1 - 0.74) / 0.74) / gap,
            (math.log(3) + 72 * math.log(10)) / gap,
        )
        grid = [first + (last - first) * i / 99 for i in range(100)]
        p = [torch.softmax(b * logits[index], dim=0) for b in grid]
        s = [torch.diag(q) - torch.outer(q, q) for q in p]
        norms = [b**2 * torch.trace(m @ gram[index] @ m @ gram[index]).sqrt() for b, m in zip(grid, s, strict=True)]
        best = max(range(100), key=lambda i: float(norms[i]))
        expected = grid[best] if 0 < best < 99 else 1.0
        assert float(betas[index]) == pytest.approx(expected, rel=1e-6)
