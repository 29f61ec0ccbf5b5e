import pytest
import torch

from bnnaudit.numerics.randomness import ball_noise, cube_draws, diamond_draws, sphere_draws, uniform_noise


def test_noise_belongs_to_the_image_and_not_to_its_company() -> None:
    together = uniform_noise(7, [3, 11, 500], 2, (3, 4, 4))
    alone = uniform_noise(7, [11], 2, (3, 4, 4))
    assert torch.equal(together[1], alone[0])
    assert torch.equal(ball_noise(7, [3, 11], 2, (8,))[1], ball_noise(7, [11], 2, (8,))[0])


def test_seed_image_and_restart_each_matter() -> None:
    base = uniform_noise(0, [0], 0, (16,))
    for other in (uniform_noise(1, [0], 0, (16,)), uniform_noise(0, [1], 0, (16,)), uniform_noise(0, [0], 1, (16,))):
        assert not torch.equal(base, other)


def test_uniform_noise_fills_the_interval_evenly() -> None:
    noise = uniform_noise(0, list(range(50)), 0, (400,))
    assert noise.min() >= -1
    assert noise.max() < 1
    assert abs(float(noise.mean())) < 0.01
    assert abs(float(noise.var()) - 1 / 3) < 0.01


def test_ball_noise_has_the_radii_of_a_uniform_ball() -> None:
    radii = torch.linalg.vector_norm(ball_noise(0, list(range(4000)), 0, (3,)), dim=1)
    assert radii.max() <= 1
    # P(|x| <= r) = r^3 in three dimensions.
    for radius in (0.5, 0.8):
        assert abs(float((radii <= radius).float().mean()) - radius**3) < 0.03


@pytest.mark.parametrize(
    ("draw", "order"), [(diamond_draws, 1.0), (sphere_draws, 2.0), (cube_draws, float("inf"))], ids=["l1", "l2", "linf"]
)
def test_points_are_uniform_in_the_unit_ball(draw: object, order: float) -> None:
    """The share of points within r of the radius is r to the power of the dimension."""
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
