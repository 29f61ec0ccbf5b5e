"""Lanczos quadrature against the eigenvalues that it does without."""

import pytest
import torch

from bnnaudit.numerics import lanczos


def problem(classes: int, features: int) -> tuple[torch.Tensor, torch.Tensor]:
    jacobian = torch.randn(6, classes, features, dtype=torch.float64, generator=torch.Generator().manual_seed(classes))
    return jacobian, jacobian @ jacobian.transpose(1, 2)


def estimate(gram: torch.Tensor, start: torch.Tensor, features: int) -> tuple[torch.Tensor, torch.Tensor]:
    return lanczos.mean_singular_value(lambda v: (gram @ v[:, :, None]).squeeze(2), start, features)


@pytest.mark.parametrize("features", [3, 20])
def test_with_as_many_steps_as_classes_the_quadrature_is_exact(features: int) -> None:
    _, gram = problem(8, features)
    start = torch.randn(6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    values, vectors = torch.linalg.eigh(gram)
    weights = (vectors.transpose(1, 2) @ start[:, :, None]).squeeze(2).square() / min(8, features)
    mean, square = estimate(gram, start, features)
    assert torch.allclose(mean, (weights * values.clamp_min(0).sqrt()).sum(dim=1), rtol=1e-5)
    assert torch.allclose(square, (weights * values).sum(dim=1), rtol=1e-9)


def test_many_starts_average_to_the_mean_singular_value() -> None:
    jacobian, gram = problem(40, 60)
    generator = torch.Generator().manual_seed(1)
    starts = [torch.randn(6, 40, dtype=torch.float64, generator=generator) for _ in range(300)]
    mean = torch.stack([estimate(gram, start, 60)[0] for start in starts]).mean(dim=0)
    assert torch.allclose(mean, torch.linalg.svdvals(jacobian).mean(dim=1), rtol=0.05)


def test_a_jacobian_of_zero_has_singular_values_of_zero() -> None:
    mean, square = estimate(torch.zeros(2, 5, 5, dtype=torch.float64), torch.ones(2, 5, dtype=torch.float64), 9)
    assert torch.equal(mean, torch.zeros(2, dtype=torch.float64))
    assert torch.equal(square, torch.zeros(2, dtype=torch.float64))
