"""Networks quantized by ONNX Runtime's own quantizer, and figures that hold them against ONNX Runtime."""

from __future__ import annotations

import logging
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.models.onnx.replayable import depends_on_batch

PIXELS = 32
CLASSES = 10


def _resnet18() -> nn.Module:
    from torchvision.models import resnet18

    return resnet18(num_classes=CLASSES)


def _mobilenet_v2() -> nn.Module:
    from torchvision.models import mobilenet_v2

    # Half the channels, and two of the five strides: the images are small.
    strides = [[1, 16, 1, 1], [6, 24, 2, 1], [6, 32, 2, 2], [6, 64, 2, 2], [6, 96, 1, 1]]
    return mobilenet_v2(num_classes=CLASSES, width_mult=0.5, inverted_residual_setting=strides)


def _vgg() -> nn.Module:
    """VGG-16 with an eighth of its channels."""
    from torchvision.models import vgg

    plan = [8, 8, "M", 16, 16, "M", 32, 32, 32, "M", 64, 64, 64, "M", 64, 64, 64, "M"]
    network = vgg.VGG(vgg.make_layers(plan, batch_norm=True), num_classes=CLASSES)
    network.avgpool = nn.Identity()
    network.classifier = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, CLASSES))
    return network


def _densenet121() -> nn.Module:
    from torchvision.models import densenet121

    return densenet121(num_classes=CLASSES)


def _vit() -> nn.Module:
    from torchvision.models import VisionTransformer

    return VisionTransformer(PIXELS, 8, 2, 4, 64, 128, num_classes=CLASSES)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "resnet18": _resnet18,
    "mobilenet_v2": _mobilenet_v2,
    "vgg16": _vgg,
    "densenet121": _densenet121,
    "vit": _vit,
}


SHORT = (onnx.TensorProto.UINT8, onnx.TensorProto.INT8)

# Where each layer has its weights.
WEIGHTS = {
    "Conv": 1,
    "ConvInteger": 1,
    "Gemm": 1,
    "MatMul": 1,
    "MatMulInteger": 1,
    "QGemm": 3,
    "QLinearConv": 3,
    "QLinearMatMul": 3,
}

STEPS = {"vit": 800}
RATES = {"vit": 1e-3, "mobilenet_v2": 5e-3}


@dataclass(frozen=True, slots=True)
class Recipe:
    """form: qdq, qoperator or dynamic. weights: int8 or uint8. activations are uint8, or int8 with int8 weights."""

    form: str
    weights: str = "int8"
    activations: str = "uint8"
    per_channel: bool = False

    def __str__(self) -> str:
        granularity = "channel" if self.per_channel else "tensor"
        return f"{self.form} w {self.weights} a {self.activations} per {granularity}"


RECIPES: tuple[Recipe, ...] = (
    *(
        Recipe(form, weights, activations, per_channel)
        for form in ("qdq", "qoperator")
        for weights, activations in (("int8", "uint8"), ("int8", "int8"), ("uint8", "uint8"))
        for per_channel in (False, True)
    ),
    Recipe("dynamic", "int8"),
    Recipe("dynamic", "uint8"),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """equal: share of images in the same class; default: the same for a session of ONNX Runtime without options.

    gap: largest difference of scores over their deviation. cosine: the mean. finite: no gradient is zero or infinite.
    weights: the layers by the type of their stored weights.
    """

    equal: float
    default: float
    gap: float
    cosine: float
    finite: bool
    weights: dict[str, int]
    seconds: float


def images(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Random images (count, 3, PIXELS, PIXELS) in [0, 1], each a mixture of two of CLASSES patterns under noise, and the
    pattern that is the stronger (count,).
    """
    fixed = torch.Generator().manual_seed(0)
    coarse = torch.randn(CLASSES, 3, 4, 4, generator=fixed)
    patterns = nn.functional.interpolate(coarse, size=(PIXELS, PIXELS), mode="bilinear", align_corners=False)
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (count,), generator=generator)
    others = (labels + torch.randint(1, CLASSES, (count,), generator=generator)) % CLASSES
    share = 0.5 + 0.5 * torch.rand(count, 1, 1, 1, generator=generator)
    noise = torch.randn(count, 3, PIXELS, PIXELS, generator=generator)
    mixed = share * patterns[labels] + (1 - share) * patterns[others]
    return (0.5 + 0.2 * mixed + 0.2 * noise).clamp(0, 1), labels


def network(name: str, steps: int | None = None) -> nn.Module:
    """A network that has learned to tell the patterns, so that its predictions and gradients mean something."""
    torch.manual_seed(0)
    built = NETWORKS[name]()
    optimizer = torch.optim.AdamW(built.parameters(), lr=RATES.get(name, 2e-3), weight_decay=0.05)
    built.train()
    for step in range(steps or STEPS.get(name, 150)):
        values, labels = images(32, seed=1000 + step)
        optimizer.zero_grad()
        nn.functional.cross_entropy(built(values), labels, label_smoothing=0.1).backward()
        optimizer.step()
    _settle(built)
    return built.eval()


@torch.no_grad()
def _settle(built: nn.Module) -> None:
    """Takes the statistics of the batch normalisations anew, over 256 images."""
    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    for part in images(256, seed=1)[0].split(64):
        built(part)


def export(built: nn.Module, path: Path) -> None:
    """The float network as a file with an open batch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            built,
            (torch.rand(2, 3, PIXELS, PIXELS),),
            path,
            dynamo=False,
            opset_version=17,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
        )


def quantize(source: Path, path: Path, recipe: Recipe) -> None:
    """`source` quantized by ONNX Runtime, calibrated on 64 images."""
    from onnxruntime import quantization as tools

    kinds = {"int8": tools.QuantType.QInt8, "uint8": tools.QuantType.QUInt8}
    logging.disable(logging.WARNING)
    try:
        if recipe.form == "dynamic":
            tools.quantize_dynamic(source, path, weight_type=kinds[recipe.weights], per_channel=recipe.per_channel)
            return
        form = tools.QuantFormat.QDQ if recipe.form == "qdq" else tools.QuantFormat.QOperator
        tools.quantize_static(
            source,
            path,
            _reader(),
            quant_format=form,
            per_channel=recipe.per_channel,
            weight_type=kinds[recipe.weights],
            activation_type=kinds[recipe.activations],
        )
    finally:
        logging.disable(logging.NOTSET)


def _reader() -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """64 images, eight at a time."""

        def __init__(self) -> None:
            self.parts: Iterator[Tensor] = iter(images(64, seed=2)[0].split(8))

        def get_next(self) -> dict[str, np.ndarray] | None:
            part = next(self.parts, None)
            return None if part is None else {"x": part.numpy()}

    return Reader()


def measure(path: Path, built: nn.Module, count: int) -> Figures:
    """The figures of a quantized file over `count` images; gradients over 16 of them."""
    begun = time.perf_counter()
    target = load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))
    probes, _ = images(count, seed=3)
    with torch.no_grad():
        ours = torch.cat([target.logits(part) for part in probes.split(128)])
    theirs = target.deployed(probes)
    gradients = [_gradient(run, probes[:16]) for run in (_logits_of(target), built)]
    cosine = nn.functional.cosine_similarity(gradients[0].flatten(1), gradients[1].flatten(1))
    return Figures(
        equal=float((ours.argmax(1) == theirs.argmax(1)).float().mean()),
        default=float((ours.argmax(1) == _by_default(path, probes).argmax(1)).float().mean()),
        gap=float((ours - theirs).abs().max() / theirs.std()),
        cosine=float(cosine.mean()),
        finite=bool(gradients[0].isfinite().all()) and bool((gradients[0].flatten(1).abs().amax(1) > 0).all()),
        weights=_weight_types(path),
        seconds=time.perf_counter() - begun,
    )


def _weight_types(path: Path) -> dict[str, int]:
    """How many layers have stored weights of each short type, behind a DequantizeLinear or not."""
    graph = onnx.load(path).graph
    stored = {tensor.name: tensor.data_type for tensor in graph.initializer}
    held = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    layers = [node for node in graph.node if node.op_type in WEIGHTS and len(node.input) > WEIGHTS[node.op_type]]
    names = [node.input[WEIGHTS[node.op_type]] for node in layers]
    kinds = [stored.get(held.get(name, name), onnx.TensorProto.FLOAT) for name in names]
    return dict(Counter(onnx.TensorProto.DataType.Name(kind).lower() for kind in kinds if kind in SHORT))


def _by_default(path: Path, probes: Tensor) -> Tensor:
    """Scores by a session as anybody opens it; one image at a time where quantizers take their range from the batch."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    size = 1 if depends_on_batch(onnx.load(path)) else 100
    return torch.cat([torch.from_numpy(session.run(None, {"x": part.numpy()})[0]) for part in probes.split(size)])


def _logits_of(target: Target) -> Callable[[Tensor], Tensor]:
    return target.logits


def _gradient(run: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """The gradient of each image's score of class 0 less that of class 1."""
    inputs = values.clone().requires_grad_()
    scores = run(inputs)
    (gradient,) = torch.autograd.grad((scores[:, 0] - scores[:, 1]).sum(), inputs)
    return gradient
