"""The full Hessian's norm against the N x N Hessian that autograd makes of the loss."""

import pytest
import torch
from torch import nn

from bnnaudit.numerics.hessian_scaling import gram_norm
from bnnaudit.numerics.jacobian import gram_matrix
from bnnaudit.numerics.second_order import full_norm
from tests.toy import small_network

BETAS = torch.logspace(-1.5, 0.7, 7, dtype=torch.float64)


def smooth_network(features: int) -> nn.Sequential:
    network = small_network(scale=1.2, features=features)
    network[1] = nn.Tanh()
    return network


def brute_force(network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """(M, B): a whole Hessian for every image and temperature."""

    def norm(image: torch.Tensor, label: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
        def loss(x: torch.Tensor) -> torch.Tensor:
            return nn.functional.cross_entropy(beta * network(x[None]), label[None])

        return torch.autograd.functional.hessian(loss, image).square().sum()

    return torch.stack([torch.stack([norm(x, y, beta) for beta in BETAS]) for x, y in zip(inputs, labels, strict=True)])


def test_few_features_are_exact() -> None:
    network = smooth_network(6)
    inputs = torch.rand(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    logits = network(inputs).detach()
    labels = logits.argmax(dim=1)
    norm, _ = full_norm(network, inputs, logits, labels)
    expected = brute_force(network, inputs, labels)
    assert torch.allclose(norm(BETAS.expand(4, -1)), expected, rtol=1e-7, atol=1e-12)
    # The term is no trifle here: the piecewise-linear form is off by far.
    linear = gram_norm(logits, gram_matrix(network, inputs)[1])(BETAS.expand(4, -1))
    assert ((linear - expected).abs() > 0.05 * expected).any()


def test_many_features_are_close() -> None:
    network = smooth_network(40)
    inputs = torch.rand(6, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    logits = network(inputs).detach()
    labels = logits.argmax(dim=1)
    norm, backwards = full_norm(network, inputs, logits, labels)
    assert backwards == 4 * 9
    found, expected = norm(BETAS.expand(6, -1)).log(), brute_force(network, inputs, labels).log()
    linear = gram_norm(logits, gram_matrix(network, inputs)[1])(BETAS.expand(6, -1)).log()
    assert (found - expected).abs().median() < 0.2
    assert (found - expected).abs().median() < (linear - expected).abs().median() + 0.05


@pytest.mark.parametrize("features", [6, 40])
def test_a_piecewise_linear_network_has_nothing_to_add(features: int) -> None:
    network = small_network(scale=1.5, features=features)
    inputs = torch.rand(5, features, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    logits, gram = gram_matrix(network, inputs)
    norm, _ = full_norm(network, inputs, logits, logits.argmax(dim=1))
    assert torch.equal(norm(BETAS.expand(5, -1)), gram_norm(logits, gram)(BETAS.expand(5, -1)))
