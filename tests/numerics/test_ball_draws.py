"""Uniform in a ball: the share of points within r of the radius is r to the power of the dimension."""

import pytest
import torch

from bnnaudit.numerics.ball_draws import cube_draws, diamond_draws, sphere_draws


@pytest.mark.parametrize(
    ("draw", "order"), [(diamond_draws, 1.0), (sphere_draws, 2.0), (cube_draws, float("inf"))], ids=["l1", "l2", "linf"]
)
def test_points_are_uniform_in_the_unit_ball(draw: object, order: float) -> None:
    points = draw(0, 7, 0, 20_000, 3)
    lengths = torch.linalg.vector_norm(points, ord=order, dim=1)
    assert (lengths <= 1 + 1e-6).all()
    for radius in (0.5, 0.8):
        assert (lengths <= radius).float().mean().item() == pytest.approx(radius**3, abs=0.01)
    assert points.mean(dim=0).abs().max() < 0.02
    # Uniform in every orthant too: the sign of one coordinate says nothing of the size of another.
    assert points[points[:, 0] > 0, 1].abs().mean().item() == pytest.approx(points[:, 1].abs().mean().item(), abs=0.01)
    assert not torch.equal(points, draw(0, 7, 1, 20_000, 3))
    assert torch.equal(points, draw(0, 7, 0, 20_000, 3))
