"""PyTorch's own quantized models: through torch.onnx.export against ONNX Runtime, and as checkpoints with code of their own.

Fake quantization, quantization-aware training, LSQ, PT2E, Brevitas.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.core.facts import Differentiation
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.onnx.load import load_onnx
from tests.networks.checkpoints import checkpoint_of

SHAPE = (1, 8, 8)
CLASSES = 4


class FakeQuantized(nn.Module):
    """A small network whose activations (8 bits per tensor) and weights (8 bits per channel) are fake-quantized."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.second = nn.Linear(4 * 4 * 4, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, 8, 8) -> (N, CLASSES)."""
        values = torch.fake_quantize_per_tensor_affine(images, 1 / 255, 0, 0, 255)
        values = nn.functional.conv2d(values, _by_channel(self.first.weight), self.first.bias, padding=1)
        values = torch.fake_quantize_per_tensor_affine(nn.functional.relu(values), 1 / 64, 0, 0, 255)
        values = nn.functional.max_pool2d(values, 2).flatten(1)
        values = torch.fake_quantize_per_tensor_affine(values, 1 / 64, 3, 0, 255)
        return nn.functional.linear(values, _by_channel(self.second.weight), self.second.bias)


def _by_channel(weight: Tensor) -> Tensor:
    scale = weight.detach().flatten(1).abs().amax(1) / 127
    return torch.fake_quantize_per_channel_affine(
        weight, scale, torch.zeros(len(scale), dtype=torch.int32), 0, -128, 127
    )


def some_images(count: int) -> Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(0))


@contextmanager
def quiet() -> Iterator[None]:
    """Exporters warn of what is theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def exported(network: nn.Module, path: Path, dynamo: bool) -> Path:
    if dynamo:
        pytest.importorskip("onnxscript", reason="torch's newer exporter needs onnxscript")
    settings: dict[str, Any] = (
        {"dynamic_shapes": ({0: torch.export.Dim("n")},)}
        if dynamo
        else {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}}
    )
    with quiet():
        torch.onnx.export(
            network, (some_images(2),), path, dynamo=dynamo, external_data=False, verbose=False, **settings
        )
    return path


def check_same_predictions(target: Target) -> None:
    """The two copies agree, on images that are told apart, and a gradient comes back to them."""
    batch = some_images(200).requires_grad_()
    logits, scores = target.logits(batch), target.deployed(batch)
    assert torch.equal(logits.argmax(1), scores.argmax(1))
    assert float((logits.detach() - scores).abs().max()) <= 0.05 * float(scores.std())
    assert scores.std(0).min() > 0
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), batch)
    assert (gradient.flatten(1).abs().amax(1) > 0).all()


def load(path: Path) -> Target:
    return load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))


@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
def test_fake_quantized_modules(tmp_path: Path, dynamo: bool) -> None:
    torch.manual_seed(0)
    network = FakeQuantized().eval()
    try:
        path = exported(network, tmp_path / "fake.onnx", dynamo)
    except torch.onnx.errors.OnnxExporterError:
        pytest.skip(f"the newer exporter of torch {torch.__version__} does not take fake quantization")
    target = load(path)
    assert target.facts.weight_bits == 8
    assert [fact.bits for fact in target.facts.quantizers] == [8, 8, 8]
    check_same_predictions(target)
    with torch.no_grad():
        torch.testing.assert_close(target.logits(some_images(8)), network(some_images(8)), rtol=1e-4, atol=1e-4)


def small_network() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, CLASSES)]
    return nn.Sequential(*layers).eval()


def converted() -> nn.Module:
    """A program of torch.export for any number of images, prepared, calibrated and converted by torchao."""
    reason = "PT2E quantization needs torchao"
    quantize = pytest.importorskip("torchao.quantization.pt2e.quantize_pt2e", reason=reason)
    x86 = pytest.importorskip("torchao.quantization.pt2e.quantizer.x86_inductor_quantizer", reason=reason)
    with quiet():
        quantizer = x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())
        sizes = ({0: torch.export.Dim("n")},)
        program = torch.export.export(small_network(), (some_images(2),), dynamic_shapes=sizes).module()
        prepared = quantize.prepare_pt2e(program, quantizer)
        prepared(some_images(64))
        made: nn.Module = quantize.convert_pt2e(prepared)
    return made


def brevitas_network(bits: int) -> nn.Module:
    """Calibrated modules of Brevitas with activations of so many bits, signs for one."""
    layers = pytest.importorskip("brevitas.nn", reason="Brevitas is not installed")
    signs = pytest.importorskip("brevitas.quant").SignedBinaryActPerTensorConst
    torch.manual_seed(0)
    middle = layers.QuantIdentity(act_quant=signs) if bits == 1 else layers.QuantReLU(bit_width=bits)
    network = nn.Sequential(
        layers.QuantConv2d(1, 4, 3, weight_bit_width=4),
        nn.BatchNorm2d(4),
        middle,
        nn.Flatten(),
        layers.QuantLinear(4 * 6 * 6, CLASSES, bias=True, weight_bit_width=4),
    )
    network.train()(some_images(64))
    return network.eval()


class LearnedSteps(nn.Module):
    """LSQ: a learned step, a scaled gradient, a rounding that is passed straight through."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.layers = small_network()
        self.step = nn.Parameter(torch.tensor(1.0 / 2**bits))
        self.top = 2**bits - 1

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, 8, 8) -> (N, CLASSES)."""
        first, activation, flatten, last = self.layers.children()
        scaled = self.step * 0.1
        step = (self.step - scaled).detach() + scaled
        clipped = torch.clamp(activation(first(images)) / step, 0, self.top)
        rounded = (clipped.round() - clipped).detach() + clipped
        result: Tensor = last(flatten(rounded * step))
        return result


def trained_with_fake_quantization() -> nn.Module:
    """Modules of torch.ao.quantization after a step of quantization-aware training, their observers on still."""
    quantization = pytest.importorskip("torch.ao.quantization")
    with quiet():
        network = quantization.QuantWrapper(small_network()).train()
        network.qconfig = quantization.get_default_qat_qconfig("fbgemm")
        quantization.prepare_qat(network, inplace=True)
        network(some_images(64))
    return network


@pytest.mark.parametrize(
    ("make", "steps"),
    [
        (FakeQuantized, [8, 8, 8]),
        (lambda: LearnedSteps(2), [2]),
        (lambda: LearnedSteps(4), [4]),
        (trained_with_fake_quantization, [7, 7, 7]),
        (converted, [8, 8, 8]),
        (lambda: brevitas_network(1), [1]),
        (lambda: brevitas_network(2), [2]),
        (lambda: brevitas_network(8), [8]),
    ],
    ids=["fake", "LSQ 2", "LSQ 4", "QAT", "PT2E", "Brevitas 1", "Brevitas 2", "Brevitas 8"],
)
def test_the_steps_of_a_checkpoint(make: Callable[[], nn.Module], steps: list[int]) -> None:
    torch.manual_seed(0)
    network = make()
    target = checkpoint_of(network, SHAPE, CLASSES)
    assert [fact.bits for fact in target.facts.quantizers] == steps
    assert target.facts.gradients.source is Differentiation.RECORDED
    assert target.facts.gradients.complete
    batch = some_images(200).requires_grad_()
    logits = target.logits(batch)
    assert torch.equal(logits.detach(), target.deployed(batch))
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), batch)
    assert (gradient.flatten(1).abs().amax(1) > 0).float().mean() > 0.9  # few bits leave images on which all is flat


def test_observers_of_a_checkpoint_learn_nothing_from_what_is_audited() -> None:
    target = checkpoint_of(trained_with_fake_quantization(), SHAPE, CLASSES)
    before = target.deployed(some_images(8))
    target.deployed(some_images(8) * 100)
    assert torch.equal(target.deployed(some_images(8)), before)


def test_pt2e(tmp_path: Path) -> None:
    """A program of torch.export, prepared, calibrated and converted by torchao."""
    reason = "PT2E quantization needs torchao"
    quantize = pytest.importorskip("torchao.quantization.pt2e.quantize_pt2e", reason=reason)
    x86 = pytest.importorskip("torchao.quantization.pt2e.quantizer.x86_inductor_quantizer", reason=reason)
    pytest.importorskip("onnxscript", reason="torch's newer exporter needs onnxscript")
    with quiet():
        quantizer = x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())
        prepared = quantize.prepare_pt2e(torch.export.export(small_network(), (some_images(2),)).module(), quantizer)
        prepared(some_images(2))
        path = exported(quantize.convert_pt2e(prepared), tmp_path / "pt2e.onnx", dynamo=True)
    check_same_predictions(load(path))


def test_brevitas(tmp_path: Path) -> None:
    """Modules of Brevitas, exported to QONNX by its own exporter."""
    reason = "Brevitas is not installed"
    layers = pytest.importorskip("brevitas.nn", reason=reason)
    export = pytest.importorskip("brevitas.export", reason=reason)
    pytest.importorskip("onnxoptimizer", reason="the exporter of Brevitas needs onnxoptimizer")
    torch.manual_seed(0)
    network = nn.Sequential(
        layers.QuantIdentity(bit_width=8),
        layers.QuantConv2d(1, 4, 3, weight_bit_width=4),
        layers.QuantReLU(bit_width=4),
        nn.Flatten(),
        layers.QuantLinear(4 * 6 * 6, CLASSES, bias=True, weight_bit_width=4),
    )
    network.train()(some_images(64))  # calibrates the activations' ranges
    path = tmp_path / "brevitas.onnx"
    with quiet():
        export.export_qonnx(network.eval(), args=some_images(1), export_path=str(path))
    target = load(path)
    assert target.facts.weight_bits == 4
    check_same_predictions(target)
