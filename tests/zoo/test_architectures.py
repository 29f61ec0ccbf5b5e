import pytest
import torch
from torch import nn

from bnnaudit.quantization.layers import BinaryConv2d, BinaryLinear
from bnnaudit.quantization.quantizers import BinarySign
from bnnaudit.zoo.architectures import ARCHITECTURES


@pytest.mark.parametrize("name", ["cnn", "lenet", "mlp"])
@pytest.mark.parametrize("activations", ["relu", "binary"])
@pytest.mark.parametrize("weights", ["float", "binary"])
def test_precision_reaches_every_layer(name: str, weights: str, activations: str) -> None:
    network = ARCHITECTURES[name](weights=weights, activations=activations)
    products = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    steps = [layer for layer in network.modules() if isinstance(layer, nn.ReLU | BinarySign)]
    assert len(products) == len(steps) + 1
    assert all(isinstance(layer, BinaryConv2d | BinaryLinear) == (weights == "binary") for layer in products)
    assert all(isinstance(step, BinarySign) == (activations == "binary") for step in steps)


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_images_become_one_logit_a_class(name: str) -> None:
    assert ARCHITECTURES[name](classes=7)(torch.rand(3, 1, 8, 8)).shape == (3, 7)


@pytest.mark.parametrize("size", [5, 8, 9])
def test_any_image_size_and_stride(size: int) -> None:
    network = ARCHITECTURES["cnn"](in_channels=3, image_size=size, channels=(2, 3), strides=(2, 3))
    assert network(torch.rand(2, 3, size, size)).shape == (2, 10)


def test_binary_logits_are_whole_numbers() -> None:
    logits = ARCHITECTURES["mlp"](hidden=(9,), weights="binary", activations="binary")(torch.rand(20, 64))
    assert torch.equal(logits, logits.round())
    assert (logits.abs() <= 9).all()
    assert (logits % 2 == 1).all()


@pytest.mark.parametrize("option", ["weights", "activations", "weight_scale"])
def test_an_unknown_choice_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match="quaternary"):
        ARCHITECTURES["cnn"](**{option: "quaternary"})


def test_strides_for_other_than_each_convolution_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ARCHITECTURES["cnn"](channels=(2, 3), strides=(1,))
