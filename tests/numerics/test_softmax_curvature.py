"""The temperature from the logits alone: its closed form, brute force, and the general formula with G = I."""

import pytest
import torch

from bnnaudit.numerics.hessian_scaling import gram_norm, top_gap
from bnnaudit.numerics.softmax_curvature import log_slope, logit_betas


def test_two_classes_have_their_maximum_at_the_root_of_s_tanh_half_s_equals_2() -> None:
    logits = torch.tensor([[5.0, 1.0], [0.1, 0.0]], dtype=torch.float64)
    labels = torch.tensor([0, 0])
    betas = logit_betas(logits, labels)
    s = betas * top_gap(logits)
    assert torch.allclose(s * torch.tanh(s / 2), torch.full((2,), 2.0, dtype=torch.float64), rtol=1e-4)


def sample(classes: int, kind: str, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """60 images: spread logits, close competitors, or one class above equals."""
    logits = torch.randn(60, classes, generator=torch.Generator().manual_seed(classes), dtype=torch.float64)
    if kind == "close":
        logits = logits * 1e-3
    if kind == "equals":
        logits = torch.zeros(60, classes, dtype=torch.float64)
        logits[:, 1] = torch.linspace(1e-3, 1e3, 60, dtype=torch.float64)
    return logits.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["spread", "close", "equals"])
@pytest.mark.parametrize("classes", [2, 3, 10, 300])
def test_it_is_the_maximum_of_a_brute_force_scan(classes: int, kind: str, dtype: torch.dtype) -> None:
    logits = sample(classes, kind, dtype)
    gap = top_gap(logits.double())[:, None]
    scan = torch.logspace(-1, 1.6, 4001, dtype=torch.float64)
    eye = torch.eye(classes, dtype=torch.float64)
    found = logit_betas(logits, logits.argmax(dim=1)).double()
    rough = logit_betas(logits, logits.argmax(dim=1), polished=False).double()
    for index in range(0, 60, 7):
        one = slice(index, index + 1)
        norms = gram_norm(logits[one], eye[None])(scan[None] / gap[one])
        expected = scan[norms.argmax()] / gap[index]
        assert float(found[index]) == pytest.approx(float(expected), rel=2e-3)
        assert float(rough[index]) == pytest.approx(float(expected), rel=3e-2)


def test_the_slope_is_that_of_the_norm_by_finite_differences() -> None:
    logits = sample(5, "spread")
    top = logits.topk(2, dim=1)
    gap = top.values[:, 0] - top.values[:, 1]
    below = ((logits - top.values[:, :1]) / gap[:, None]).scatter(1, top.indices[:, :1], float("-inf"))
    at = torch.linspace(0.1, 2.5, 60, dtype=torch.float64)
    norm = gram_norm(logits, torch.eye(5, dtype=torch.float64).expand(60, -1, -1))
    ends = [norm(((at + step).exp() / gap)[:, None]).log().squeeze(1) for step in (-1e-5, 1e-5)]
    # Classes far below are left out, which shows where the norm is tiny beside b^4.
    assert torch.allclose(log_slope(below, at), (ends[1] - ends[0]) / 2e-5, rtol=1e-4, atol=1e-4)


def test_misclassified_and_tied_images_keep_b_1() -> None:
    logits = torch.tensor([[5.0, 1.0, 0.0], [2.0, 2.0, 0.0]], dtype=torch.float64)
    betas = logit_betas(logits, torch.tensor([1, 0]))
    assert torch.equal(betas, torch.ones(2, dtype=torch.float64))
