"""Products J w against the Jacobian, and the sketched norm against the exact one."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from bnnaudit.numerics import sketch
from bnnaudit.numerics.hessian_scaling import gram_norm
from bnnaudit.numerics.jacobian import gram_matrix
from bnnaudit.quantization.quantizers import BinarySign
from tests.toy import small_network

INPUTS = torch.rand(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def jacobians(network: torch.nn.Module) -> Tensor:
    return torch.stack([torch.autograd.functional.jacobian(network, image[None])[0, :, 0] for image in INPUTS])


@pytest.mark.parametrize("mode", [sketch.jacobian_product, sketch._forward_mode, sketch._twice_reverse])
@pytest.mark.parametrize("binary", [False, True])
def test_products_are_those_of_the_jacobian(mode, binary: bool) -> None:
    network = small_network()
    if binary:
        network[1] = BinarySign()
    tangents = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    logits, products = mode(network, INPUTS, tangents)
    assert torch.allclose(logits, network(INPUTS))
    assert torch.allclose(products, (jacobians(network) @ tangents[:, :, None]).squeeze(2))
    assert not products.requires_grad


class NoForwardMode(torch.autograd.Function):
    """A straight-through sign as people write it."""

    @staticmethod
    def forward(ctx, values: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        return values.sign()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        return gradient


def test_a_function_without_forward_mode_is_differentiated_twice_in_reverse() -> None:
    first, second = torch.randn(8, 6, dtype=torch.float64), torch.randn(3, 8, dtype=torch.float64)
    tangents = torch.randn(5, 6, dtype=torch.float64)
    _, products = sketch.jacobian_product(lambda x: NoForwardMode.apply(x @ first.T) @ second.T, INPUTS, tangents)
    assert torch.allclose(products, tangents @ first.T @ second.T)


def test_a_network_that_ignores_its_input_has_products_of_zero() -> None:
    _, products = sketch.jacobian_product(lambda x: torch.ones(len(x), 3, dtype=x.dtype), INPUTS, INPUTS)
    assert torch.equal(products, torch.zeros(5, 3, dtype=torch.float64))


def test_the_norm_is_unbiased() -> None:
    network = small_network(scale=1.5)
    logits, gram = gram_matrix(network, INPUTS)
    directions = sketch.random_directions(600, (6,), INPUTS)
    betas = torch.logspace(-1, 0.5, 5, dtype=torch.float64).expand(5, -1)
    estimated = sketch.sketched_norm(logits, sketch.jacobian_sketch(network, INPUTS, directions))(betas)
    exact = gram_norm(logits, gram)(betas)
    large = exact > 1e-12
    assert torch.allclose(estimated[large], exact[large], rtol=0.15)


def test_the_norm_is_that_of_its_pairs_by_hand() -> None:
    logits = torch.tensor([[2.0, 1.0, -1.0]], dtype=torch.float64)
    products = torch.randn(1, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    p = torch.softmax(0.7 * logits[0], dim=0)
    form = products[0].T @ (torch.diag(p) - torch.outer(p, p)) @ products[0]
    expected = 0.7**4 * (form[0, 1] ** 2 + form[0, 2] ** 2 + form[1, 2] ** 2) / 3
    found = sketch.sketched_norm(logits, products)(torch.tensor([[0.7]], dtype=torch.float64))
    assert float(found) == pytest.approx(float(expected), rel=1e-12)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, products = torch.randn(4, 3), torch.randn(4, 3, 4)
    betas = torch.linspace(0.1, 2, 9, dtype=torch.float64).expand(4, -1)
    whole = sketch.sketched_norm(logits, products)(betas)
    monkeypatch.setattr(sketch, "CELLS", 24)
    assert torch.allclose(sketch.sketched_norm(logits, products)(betas), whole, rtol=1e-12)


def test_the_gradient_s_norm_is_estimated_without_bias() -> None:
    network = small_network()
    directions = sketch.random_directions(2000, (6,), INPUTS)
    signal = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    expected = (signal[:, None] @ jacobians(network)).squeeze(1).norm(dim=1)
    found = sketch.sketched_gradient_norm(signal, sketch.jacobian_sketch(network, INPUTS, directions))
    assert torch.allclose(found, expected, rtol=0.1)


def test_directions_are_signs_and_always_the_same() -> None:
    first, second = (sketch.random_directions(3, (2, 5), INPUTS) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(first.abs(), torch.ones_like(first))
    assert torch.equal(sketch.random_directions(2, (2, 5), INPUTS), first[:2])


def test_the_first_product_of_a_process_warns_of_nothing() -> None:
    """Forward mode loads parts of torch that use TorchScript, which torch itself deprecates: no reader of a report cares."""
    code = (
        "import torch; from bnnaudit.numerics.sketch import jacobian_product\n"
        "print(jacobian_product(torch.nn.Linear(3, 2), torch.ones(1, 3), torch.ones(1, 3))[1].shape)"
    )
    run = subprocess.run([sys.executable, "-W", "default", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "torch.Size([1, 2])\n"
    assert run.stderr == ""
