"""Networks exported by today's exporters, once for each run of the tests."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

Builder = Callable[[], nn.Module]
Export = Callable[[str, str], Path]

PIXELS = 28


def _resnet18() -> nn.Module:
    from torchvision.models import resnet18

    return resnet18(num_classes=10)


def _mobilenet_v2() -> nn.Module:
    from torchvision.models import mobilenet_v2

    return mobilenet_v2(num_classes=10, width_mult=0.25)


def _vgg() -> nn.Module:
    from torchvision.models import vgg

    network = vgg.VGG(vgg.make_layers([8, "M", 8, 8, "M"], batch_norm=True), init_weights=False)
    network.classifier = nn.Sequential(nn.Linear(8 * 7 * 7, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 10))
    return network


def _densenet() -> nn.Module:
    from torchvision.models import DenseNet

    return DenseNet(growth_rate=4, block_config=(2, 2), num_init_features=8, num_classes=10)


def _shufflenet() -> nn.Module:
    from torchvision.models import ShuffleNetV2

    return ShuffleNetV2([1, 2, 1], [8, 16, 32, 64, 64], num_classes=10)


def _squeezing() -> nn.Module:
    """An EfficientNet in small: depthwise convolutions, channels weighted by what is squeezed out of them, SiLU."""
    from torchvision.models import EfficientNet
    from torchvision.models.efficientnet import MBConvConfig

    blocks = [MBConvConfig(1, 3, 1, 8, 8, 1), MBConvConfig(4, 5, 2, 8, 16, 2)]
    return EfficientNet(blocks, dropout=0.2, last_channel=32, num_classes=10)


def _vision_transformer() -> nn.Module:
    from torchvision.models import VisionTransformer

    network = VisionTransformer(PIXELS, 7, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=10)
    # torchvision starts the head with zeros.
    nn.init.normal_(network.heads.head.weight)
    return network


def _mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(3 * PIXELS**2, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 10), nn.Softmax(1)
    )


class SmallBinary(nn.Module):
    """A network that binarizes activations and weights as users write it: with comparisons and with sign."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Linear(4 * 13 * 13, 10, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values = torch.max_pool2d(self.norm(self.first(images)), 2)
        binary = torch.where(values >= 0, 1.0, -1.0)
        return nn.functional.linear(binary.flatten(1), torch.sign(self.second.weight))


NETWORKS: dict[str, Builder] = {
    "resnet18": _resnet18,
    "mobilenet_v2": _mobilenet_v2,
    "vgg": _vgg,
    "densenet": _densenet,
    "shufflenet": _shufflenet,
    "squeezing": _squeezing,
    "vision_transformer": _vision_transformer,
    "mlp": _mlp,
    "binary": SmallBinary,
}


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """(network, "dynamo" or "torchscript") -> its file: a fixed batch of 2 by the first, an open one by the second."""
    folder = tmp_path_factory.mktemp("exported")

    def export(name: str, exporter: str) -> Path:
        path = folder / f"{name}_{exporter}.onnx"
        if path.exists():
            return path
        dynamo = exporter == "dynamo"
        if dynamo:
            pytest.importorskip("onnxscript")
        torch.manual_seed(0)
        network = NETWORKS[name]().eval()
        images = torch.rand(2, 3, PIXELS, PIXELS)
        options = {} if dynamo else {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(network, (images,), path, dynamo=dynamo, external_data=False, verbose=False, **options)
        return path

    return export
