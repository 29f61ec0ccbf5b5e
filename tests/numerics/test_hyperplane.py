"""The steps onto a hyperplane against a linear program, a quadratic solver, and the closed form without a box."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize
from torch import Tensor

from bnnaudit.numerics.hyperplane import step_to_hyperplane_l2, step_to_hyperplane_linf

FEATURES = 5


def cases(seed: int, count: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Points in the unit box, some on its faces; normals, some entries zero; rises from easy to all but impossible."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(count, FEATURES, generator=generator).mul(1.4).sub(0.2).clamp(0, 1).double()
    normals = torch.randn(count, FEATURES, generator=generator).double()
    normals[::3, 0] = 0
    room = torch.where(normals > 0, 1 - points, points)
    rises = (normals.abs() * room).sum(1) * torch.linspace(0.05, 0.97, count).double()
    return points, normals, rises


def smallest_by_linear_program(point: Tensor, normal: Tensor, rise: float) -> float:
    """min t with |d_i| <= t, point + d in the box, <normal, d> = rise."""
    eye, ones = np.eye(FEATURES), np.ones((FEATURES, 1))
    found = linprog(
        [0.0] * FEATURES + [1.0],
        A_ub=np.block([[eye, -ones], [-eye, -ones]]),
        b_ub=np.zeros(2 * FEATURES),
        A_eq=[[*normal.tolist(), 0.0]],
        b_eq=[rise],
        bounds=[*((-p, 1 - p) for p in point.tolist()), (0, None)],
    )
    return float(found.fun)


def smallest_by_quadratic_solver(point: Tensor, normal: Tensor, rise: float) -> float:
    """min |d| with point + d in the box, <normal, d> = rise."""
    direction = normal.numpy()
    found = minimize(
        lambda d: float(d @ d),
        direction * rise / float(direction @ direction),
        jac=lambda d: 2 * d,
        bounds=[(-p, 1 - p) for p in point.tolist()],
        constraints={"type": "eq", "fun": lambda d: d @ direction - rise, "jac": lambda d: direction},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return float(np.linalg.norm(found.x))


def reaches(points: Tensor, normals: Tensor, rises: Tensor, steps: Tensor) -> None:
    assert torch.allclose((normals * steps).sum(1), rises, rtol=1e-9)
    assert (points + steps).min() >= 0
    assert (points + steps).max() <= 1


@pytest.mark.parametrize("seed", range(3))
def test_the_linf_step_is_the_linear_programs(seed: int) -> None:
    points, normals, rises = cases(seed)
    steps = step_to_hyperplane_linf(points, normals, rises, 0.0, 1.0)
    reaches(points, normals, rises, steps)
    best = [smallest_by_linear_program(*case) for case in zip(points, normals, rises.tolist(), strict=True)]
    assert steps.abs().amax(1).tolist() == pytest.approx(best, rel=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_the_l2_step_is_the_quadratic_solvers(seed: int) -> None:
    points, normals, rises = cases(seed)
    steps = step_to_hyperplane_l2(points, normals, rises, 0.0, 1.0)
    reaches(points, normals, rises, steps)
    best = [smallest_by_quadratic_solver(*case) for case in zip(points, normals, rises.tolist(), strict=True)]
    assert steps.norm(dim=1).tolist() == pytest.approx(best, rel=1e-5)


def test_far_from_the_box_the_distance_is_the_rise_over_the_dual_norm() -> None:
    points = torch.full((1, 3), 127.0)
    normals, rises = torch.tensor([[1.0, -2.0, 0.5]]), torch.tensor([7.0])
    linf = step_to_hyperplane_linf(points, normals, rises, 0.0, 255.0)
    assert torch.allclose(linf, torch.tensor([[2.0, -2.0, 2.0]]))
    l2 = step_to_hyperplane_l2(points, normals, rises, 0.0, 255.0)
    assert torch.allclose(l2, normals * 7 / normals.square().sum())


@pytest.mark.parametrize("step", [step_to_hyperplane_linf, step_to_hyperplane_l2])
def test_a_rise_that_the_box_does_not_allow_gives_the_corner_of_the_largest(step: object) -> None:
    points, normals = torch.tensor([[0.5, 0.25, 0.5]]), torch.tensor([[1.0, -2.0, 0.0]])
    found = step(points, normals, torch.tensor([100.0]), 0.0, 1.0)  # type: ignore[operator]
    assert torch.allclose(found, torch.tensor([[0.5, -0.25, 0.0]]))


@pytest.mark.parametrize("step", [step_to_hyperplane_linf, step_to_hyperplane_l2])
def test_nothing_to_rise_or_nothing_to_rise_along_is_no_step(step: object) -> None:
    points = torch.full((3, 2), 0.5)
    normals = torch.tensor([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    found = step(points, normals, torch.tensor([0.0, -1.0, 1.0]), 0.0, 1.0)  # type: ignore[operator]
    assert torch.equal(found, torch.zeros(3, 2))


def test_denormal_normals_point_as_well_as_others() -> None:
    points, normals = torch.full((1, 2), 0.5), torch.tensor([[3e-42, 4e-42]])
    found = step_to_hyperplane_l2(points, normals, torch.tensor([1e-42]), 0.0, 1.0)
    assert torch.allclose(found[0] / found[0].norm(), torch.tensor([0.6, 0.8]), atol=1e-2)
