import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnaudit.numerics import norms


def test_l2_projection_is_the_scaled_perturbation_by_hand() -> None:
    origin = torch.tensor([[0.5, 0.5]])
    point = torch.tensor([[0.5 + 0.3, 0.5 + 0.4]])  # length 0.5
    projected = norms.project_l2(point, origin, 0.25, 0.0, 1.0)
    assert torch.allclose(projected, torch.tensor([[0.65, 0.70]]))


def test_a_gradient_leads_nowhere_where_it_is_no_number() -> None:
    gradients = norms.finite_gradients(torch.tensor([[torch.nan, -2.0], [torch.inf, 0.0]]))
    assert gradients[0].tolist() == [0.0, -2.0]
    assert bool(gradients.isfinite().all())
    assert float(gradients[1, 0]) > 0


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 2.0))
def test_projections_stay_in_ball_and_box(seed: int, radius: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    origin = torch.rand(4, 3, 5, 5, generator=generator)
    point = origin + torch.randn(4, 3, 5, 5, generator=generator)
    linf = norms.project_linf(point, origin, radius, 0.0, 1.0)
    assert ((linf - origin).abs() <= radius + 1e-6).all()
    assert linf.min() >= 0
    assert linf.max() <= 1
    l2 = norms.project_l2(point, origin, radius, 0.0, 1.0)
    assert (norms.flat_norm(l2 - origin) <= radius * (1 + 1e-5)).all()
    assert l2.min() >= 0
    assert l2.max() <= 1


def test_unit_direction_survives_denormal_gradients_and_keeps_zero() -> None:
    gradients = torch.tensor([[3e-42, 4e-42], [0.0, 0.0], [3e30, 4e30]])
    directions = norms.unit_direction_l2(gradients)
    assert torch.allclose(directions[0], torch.tensor([0.6, 0.8]), atol=1e-3)
    assert torch.equal(directions[1], torch.zeros(2))
    assert torch.allclose(directions[2], torch.tensor([0.6, 0.8]))
