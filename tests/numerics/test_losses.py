import torch
from torch.nn import functional

from bnnaudit.numerics import losses

LOGITS = torch.tensor([[2.0, -1.0, 0.5, 1.5], [0.0, 3.0, 1.0, -2.0]])
LABELS = torch.tensor([0, 2])
BETAS = torch.tensor([1.0, 0.3])


def test_margin_by_hand() -> None:
    assert torch.allclose(losses.margin(LOGITS, LABELS), torch.tensor([0.5, -2.0]))


def test_dlr_by_hand() -> None:
    expected = torch.tensor([-0.5 / (2.0 - 0.5), 2.0 / (3.0 - 0.0)])
    assert torch.allclose(losses.dlr_loss(LOGITS, LABELS), expected)


def test_dlr_ignores_the_scale_of_the_logits() -> None:
    assert torch.allclose(losses.dlr_loss(LOGITS, LABELS), losses.dlr_loss(LOGITS * 1e4, LABELS))


def test_plain_signal_is_the_derivative_of_the_summed_cross_entropy() -> None:
    leaf = LOGITS.clone().requires_grad_()
    loss = functional.cross_entropy(leaf * BETAS[:, None], LABELS, reduction="sum")
    (expected,) = torch.autograd.grad(loss, leaf)
    assert torch.allclose(losses.cross_entropy_signal(LOGITS, LABELS, BETAS), expected, atol=1e-7)


def test_exact_signal_is_the_plain_one_up_to_a_positive_factor_for_each_image() -> None:
    plain = losses.cross_entropy_signal(LOGITS.double(), LABELS, BETAS.double())
    exact = losses.exact_cross_entropy_signal(LOGITS.double(), LABELS, BETAS.double())
    factor = plain / exact
    assert (factor > 0).all()
    assert torch.allclose(factor, factor[:, :1].expand_as(factor))


def test_exact_signal_lives_where_the_plain_one_underflows() -> None:
    logits = torch.tensor([[1000.0, 10.0, 0.0]])
    label, beta = torch.tensor([0]), torch.ones(1)
    assert (losses.cross_entropy_signal(logits, label, beta) == 0).all()
    exact = losses.exact_cross_entropy_signal(logits, label, beta)
    assert torch.allclose(exact, torch.tensor([[-1.0, 0.9999546, 4.5398e-05]]), atol=1e-6)


def test_signal_of_a_loss_does_not_depend_on_company() -> None:
    def signal(rows: slice) -> torch.Tensor:
        leaf = LOGITS[rows].clone().requires_grad_()
        return losses.signal_of(losses.dlr_loss, leaf, LABELS[rows])

    assert torch.equal(signal(slice(0, 1))[0], signal(slice(0, 2))[0])


def test_log_odds_order_points_as_the_cross_entropy_does_and_go_on_where_it_is_zero() -> None:
    logits = torch.randn(50, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    labels, betas = torch.arange(50) % 6, torch.full((50,), 0.7, dtype=torch.float64)
    odds = losses.log_odds_loss(logits, labels, betas)
    entropy = functional.cross_entropy(0.7 * logits, labels, reduction="none")
    assert torch.allclose(functional.softplus(odds), entropy)
    saturated = torch.tensor([[1000.0, 0.0, -1e9], [1000.0, 1.0, -1e9]])
    first, second = losses.log_odds_loss(saturated, torch.tensor([0, 0]), torch.ones(2)).tolist()
    assert (first, second) == (-1000.0, -999.0)
