import pytest
import torch
from torch import nn

from bnnaudit.quantization.layers import (
    BinaryConv2d,
    BinaryLinear,
    WeightScale,
    binarise,
    clip_latent_weights,
    deploy,
)
from bnnaudit.zoo.architectures import ARCHITECTURES

LATENT = torch.tensor([[0.5, -0.25, 0.0], [-2.0, 1.0, -3.0]])


def trained(weights: str, activations: str, scale: str) -> nn.Module:
    """A network whose batch normalisations have seen data."""
    torch.manual_seed(0)
    network = ARCHITECTURES["cnn"](
        channels=(5, 7), weights=weights, activations=activations, weight_scale=scale, image_size=6
    )
    network(torch.rand(16, 1, 6, 6))
    return network


def test_signs_by_hand() -> None:
    assert binarise(LATENT, WeightScale.NONE).tolist() == [[1, -1, 1], [-1, 1, -1]]


def test_scaled_signs_by_hand() -> None:
    assert binarise(LATENT, WeightScale.MEAN).tolist() == [[0.25, -0.25, 0.25], [-2, 2, -2]]


def test_the_scale_of_a_convolution_is_that_of_its_output_channel() -> None:
    latent = torch.tensor([1.0, -3.0, 2.0, 2.0, -0.5, 0.5, 0.5, 0.5]).view(2, 1, 2, 2)
    assert binarise(latent, WeightScale.MEAN).flatten().tolist() == [2, -2, 2, 2, -0.5, 0.5, 0.5, 0.5]


def test_minus_zero_is_plus_one() -> None:
    assert binarise(torch.tensor([[-0.0]]), WeightScale.NONE).item() == 1


@pytest.mark.parametrize("scale", WeightScale)
def test_binary_weights_binarise_to_themselves(scale: WeightScale) -> None:
    once = binarise(torch.randn(4, 9, generator=torch.Generator().manual_seed(0)), scale)
    torch.testing.assert_close(binarise(once, scale), once, rtol=1e-6, atol=0)


def test_a_linear_layer_by_hand() -> None:
    layer = BinaryLinear(3, 2, bias=True)
    with torch.no_grad():
        layer.weight.copy_(LATENT)
        layer.bias.copy_(torch.tensor([10.0, 20.0]))
    assert layer(torch.tensor([[1.0, 2.0, 4.0]])).tolist() == [[10 + 1 - 2 + 4, 20 - 1 + 2 - 4]]


def test_a_convolution_by_hand() -> None:
    layer = BinaryConv2d(1, 1, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.1, -5.0, 0.0, -0.2]).view(1, 1, 2, 2))
    image = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).view(1, 1, 2, 3)
    assert layer(image).flatten().tolist() == [1 - 2 + 4 - 5, 2 - 3 + 5 - 6]


def test_the_gradient_passes_inside_one_and_is_zero_outside() -> None:
    latent = torch.tensor([[0.5, -1.0, 1.01, -3.0]], requires_grad=True)
    (binarise(latent, WeightScale.NONE) * torch.tensor([[2.0, 3.0, 5.0, 7.0]])).sum().backward()
    assert latent.grad is not None
    assert latent.grad.tolist() == [[2, 3, 0, 0]]


def test_layers_say_that_they_have_one_bit() -> None:
    assert BinaryConv2d(1, 1, 1).weight_bits == BinaryLinear(1, 1).weight_bits == 1


def test_clipping_keeps_latent_weights_in_reach_and_leaves_float_ones() -> None:
    network = nn.Sequential(BinaryLinear(3, 2), nn.Linear(2, 1))
    with torch.no_grad():
        network[0].weight.copy_(LATENT)
        network[1].weight.fill_(4.0)
    clip_latent_weights(network)
    assert network[0].weight.tolist() == [[0.5, -0.25, 0], [-1, 1, -1]]
    assert network[1].weight.tolist() == [[4, 4]]


@pytest.mark.parametrize("scale", WeightScale)
@pytest.mark.parametrize("activations", ["relu", "binary"])
@pytest.mark.parametrize("weights", ["float", "binary"])
def test_deployed_equals_the_network_in_eval_mode_to_the_bit(weights: str, activations: str, scale: str) -> None:
    network = trained(weights, activations, scale)
    images = torch.rand(32, 1, 6, 6)
    deployed = deploy(network)
    assert network.training
    assert not deployed.training
    assert torch.equal(deployed(images), network.eval()(images))
    assert not any(isinstance(layer, BinaryConv2d | BinaryLinear) for layer in deployed.modules())


def test_deployed_weights_are_plain_and_of_two_values() -> None:
    deployed = deploy(trained("binary", "binary", "none"))
    matrices = [layer.weight for layer in deployed.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(matrices) == 3
    assert all(set(matrix.unique().tolist()) == {-1, 1} for matrix in matrices)


def test_the_deployed_state_fits_the_binary_network() -> None:
    network, other = (
        trained("binary", "binary", "none"),
        ARCHITECTURES["cnn"](channels=(5, 7), weights="binary", activations="binary", image_size=6),
    )
    deployed = deploy(network)
    other.load_state_dict(deployed.state_dict())
    images = torch.rand(32, 1, 6, 6)
    assert torch.equal(other.eval()(images), deployed(images))


def test_a_lone_layer_and_its_bias_are_deployed_and_the_original_is_left() -> None:
    layer = BinaryLinear(3, 2, bias=True)
    before = layer.weight.clone()
    deployed = deploy(layer)
    inputs = torch.rand(4, 3)
    assert type(deployed) is nn.Linear
    assert torch.equal(deployed(inputs), layer(inputs))
    assert torch.equal(layer.weight, before)
    kept = {tensor.data_ptr() for tensor in layer.parameters()}
    assert kept.isdisjoint(tensor.data_ptr() for tensor in deployed.parameters())
