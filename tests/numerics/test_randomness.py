import torch

from bnnaudit.numerics.randomness import ball_noise, uniform_noise


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
