"""torchvision's networks for small images: sizes, shapes, and where precision goes."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.quantization.layers import BinaryConv2d, BinaryLinear, deploy
from bnnaudit.quantization.learned_step import LearnedStepQuantizer, UniformConv2d, UniformLinear
from bnnaudit.quantization.quantizers import BinarySign
from bnnaudit.zoo.architectures import ARCHITECTURES

NAMES = ("densenet121", "mobilenet_v2", "resnet18", "resnet50", "vgg16")
NARROW = {"densenet121": 4, "mobilenet_v2": 4, "resnet18": 4, "resnet50": 2, "vgg16": 4}
LARGE_IMAGES = {"densenet121": 7_978_856, "mobilenet_v2": 3_504_872, "resnet18": 11_689_512, "resnet50": 25_557_032}
"""Parameters that torchvision publishes with its weights for 1000 classes of ImageNet."""
LAST_INPUTS = {"densenet121": 1024, "mobilenet_v2": 1280, "resnet18": 512, "resnet50": 2048, "vgg16": 512}
VGG_CONVOLUTIONS = 14_714_688 - 4_224
"""VGG-16's with and without their biases: 3 x 3 x inputs x outputs, and outputs, over 13 layers."""


def images(count: int = 2, channels: int = 3) -> Tensor:
    return torch.rand(count, channels, 32, 32, generator=torch.Generator().manual_seed(0))


def build(name: str, **options: object) -> nn.Module:
    torch.manual_seed(0)
    return ARCHITECTURES[name](**{"width": NARROW[name], **options})


def products(network: nn.Module) -> list[nn.Module]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


@pytest.mark.parametrize("name", LARGE_IMAGES)
def test_parameters_at_full_width_are_those_published_but_for_stem_and_classes(name: str) -> None:
    stem = 64 * 3 * (7 * 7 - 3 * 3) if name != "mobilenet_v2" else 0
    classifier = (LAST_INPUTS[name] + 1) * (1000 - 10)
    count = sum(parameter.numel() for parameter in ARCHITECTURES[name]().parameters())
    assert count == LARGE_IMAGES[name] - stem - classifier


def test_parameters_of_vgg16_at_full_width() -> None:
    count = sum(parameter.numel() for parameter in ARCHITECTURES["vgg16"]().parameters())
    normalisation = 2 * 4_224
    assert count == VGG_CONVOLUTIONS + normalisation + 513 * 10


@pytest.mark.parametrize("name", NAMES)
def test_channels_and_classes(name: str) -> None:
    network = build(name, in_channels=1, classes=43)
    assert network(images(channels=1)).shape == (2, 43)
    assert not any(tensor.is_meta for tensor in (*network.parameters(), *network.buffers()))


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "vgg16", "densenet121"])
def test_width_is_that_of_the_first_convolution(name: str) -> None:
    first = products(build(name, width=6))[0]
    assert first.weight.shape == (6, 3, 3, 3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weights", ["binary", "uniform4"])
def test_precision_reaches_every_layer_or_all_but_the_ends(name: str, weights: str) -> None:
    kinds = (BinaryConv2d, BinaryLinear) if weights == "binary" else (UniformConv2d, UniformLinear)
    assert all(isinstance(layer, kinds) for layer in products(build(name, weights=weights)))
    first, *middle, last = products(build(name, weights=weights, ends="float"))
    assert type(first) is nn.Conv2d
    assert type(last) is nn.Linear
    assert all(isinstance(layer, kinds) for layer in middle)


@pytest.mark.parametrize("name", NAMES)
def test_all_deployed_weights_are_plus_or_minus_one(name: str) -> None:
    network = deploy(build(name, weights="binary", activations="binary", binarizer="md-tanh-s"))
    for layer in products(network):
        assert set(layer.weight.unique().tolist()) == {-1.0, 1.0}


def inputs_of_products(network: nn.Module) -> list[Tensor]:
    """What each convolution and linear layer is given, in order, for some images."""
    given: list[Tensor] = []
    for layer in products(network):
        layer.register_forward_pre_hook(lambda _, arguments: given.append(arguments[0].detach()))
    network.eval()(images())
    return given


@pytest.mark.parametrize("name", NAMES)
def test_binary_activations_are_what_every_layer_but_the_first_takes(name: str) -> None:
    """The last one takes their average over the positions, of which 1 is left in VGG-16."""
    first, *middle, last = inputs_of_products(build(name, weights="binary", activations="binary"))
    assert len(first.unique()) > 2
    assert all(set(values.unique().tolist()) <= {-1.0, 1.0} for values in middle)
    positions = 1 if name == "vgg16" else 16
    counts = (last + 1) * positions / 2
    torch.testing.assert_close(counts, counts.round(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_two_bit_activations_have_four_levels(name: str) -> None:
    _, *middle, _ = inputs_of_products(build(name, weights="ternary", activations="uniform2"))
    assert all(len(values.unique()) <= 4 for values in middle)


@pytest.mark.parametrize("name", NAMES)
def test_every_step_is_a_module_of_its_own_that_runs_once(name: str) -> None:
    network = build(name, weights="binary", activations="binary").eval()
    order: list[nn.Module] = []
    steps = [module for module in network.modules() if isinstance(module, BinarySign)]
    for step in steps:
        step.register_forward_hook(lambda module, *_: order.append(module))
    network(images())
    assert len(order) == len(set(map(id, order))) == len(steps)
    assert not any(isinstance(module, nn.ReLU | nn.ReLU6) for module in network.modules())


def test_what_a_block_of_mobilenet_gives_keeps_its_sign_in_few_bits() -> None:
    network = build("mobilenet_v2", activations="uniform4")
    signed = [
        name for name, step in network.named_modules() if isinstance(step, LearnedStepQuantizer) and step.grid.low < 0
    ]
    assert len(signed) == 17
    assert all(name.endswith((".conv.0.0", "18.0")) for name in signed)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_float_network_computes_what_torchvision_does(name: str) -> None:
    """With the weights of ours in its own, but for the stem, which is replaced in it as well."""
    from torchvision import models

    ours = ARCHITECTURES[name]().eval()
    theirs = getattr(models, name)(num_classes=10).eval()
    theirs.conv1, theirs.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(ours(images()), theirs(images()))


def test_float_vgg_computes_what_torchvision_does() -> None:
    """Pooling and ReLU change places, which no value notices."""
    from torchvision import models

    ours = ARCHITECTURES["vgg16"]().eval()
    theirs = models.vgg16_bn(num_classes=10).eval()
    with torch.no_grad():
        for mine, other in zip(products(ours), products(theirs), strict=False):
            if isinstance(mine, nn.Conv2d):
                other.weight.copy_(mine.weight)
                other.bias.zero_()
        features = theirs.features(images())
    expected = ours.classifier(features.flatten(1))
    torch.testing.assert_close(ours(images()), expected)


def block(name: str) -> nn.Module:
    """The first block, and one that shrinks, of a narrow network with binary weights and activations."""
    return build(name, weights="binary", activations="binary").eval()


def test_around_each_convolution_of_a_block_goes_what_is_not_quantized() -> None:
    network = block("resnet18")
    first, shrinking = network.layer1[0], network.layer2[0]
    values = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))

    def signs(z: Tensor) -> Tensor:
        return torch.where(z >= 0, 1.0, -1.0)

    middle = first.bn1(nn.functional.conv2d(signs(values), signs(first.conv1.weight), padding=1)) + values
    expected = first.bn2(nn.functional.conv2d(signs(middle), signs(first.conv2.weight), padding=1)) + middle
    torch.testing.assert_close(first(values), expected)
    _, _, convolution, norm = shrinking.downsample
    around = norm(nn.functional.conv2d(signs(nn.functional.avg_pool2d(values, 2)), signs(convolution.weight)))
    main = shrinking.bn1(nn.functional.conv2d(signs(values), signs(shrinking.conv1.weight), stride=2, padding=1))
    middle = main + around
    expected = shrinking.bn2(nn.functional.conv2d(signs(middle), signs(shrinking.conv2.weight), padding=1)) + middle
    torch.testing.assert_close(shrinking(values), expected)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [0, -1, 5000, 10**30, 2.5, True, "64"])
def test_a_width_that_is_none_is_refused(name: str, width: object) -> None:
    with pytest.raises(ValueError, match="width"):
        ARCHITECTURES[name](width=width)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "vgg16", "densenet121", "mobilenet_v2"])
def test_a_network_too_large_is_refused_without_memory_for_it(name: str) -> None:
    with pytest.raises(ValueError, match="parameters, more than"):
        ARCHITECTURES[name](width=4096)


def test_an_odd_width_of_densenet_is_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        ARCHITECTURES["densenet121"](width=7)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_a_temperature_that_is_none_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="positive number"):
        build("vgg16", training_temperature=temperature)


BUILD: dict[str, Callable[[], nn.Module]] = {
    "unscaled": lambda: build("vgg16", weights="binary", activations="binary"),
    "chosen": lambda: build("vgg16", weights="binary", training_temperature=0.25),
    "scaled": lambda: build("vgg16", weights="binary", activations="binary", weight_scale="mean"),
    "relu": lambda: build("vgg16", weights="binary"),
    "float": lambda: build("vgg16"),
    "small": lambda: ARCHITECTURES["cnn"](in_channels=3, image_size=32, weights="binary", activations="binary"),
}


@pytest.mark.parametrize(
    ("kind", "factor"),
    [("unscaled", 32**-0.5), ("chosen", 0.25), ("scaled", 1), ("relu", 1), ("float", 1), ("small", 1)],
)
def test_logits_are_multiplied_in_training_mode_alone(kind: str, factor: float) -> None:
    network = BUILD[kind]()
    last = products(network)[-1]
    values = torch.rand(3, last.in_features)
    trained, evaluated = last.train()(values), last.eval()(values)
    torch.testing.assert_close(trained, evaluated * factor)
    torch.testing.assert_close(deploy(network)(images()), network.eval()(images()))


def test_texts_name_every_architecture() -> None:
    from bnnaudit.config.settings import ArchitectureTable

    described = ArchitectureTable.model_fields["name"].description
    assert described is not None
    assert ", ".join(sorted(ARCHITECTURES)) in described
