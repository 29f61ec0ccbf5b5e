"""Today's exporters at their default operator set, against ONNX Runtime."""

from pathlib import Path

import pytest
import torch

from bnnaudit.core.facts import OutputKind
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.core.target import Target
from bnnaudit.models.onnx.load import inspect_onnx, load_onnx
from bnnaudit.quantization.quantizers import named_quantizers, with_surrogate
from tests.models.conftest import NETWORKS, PIXELS, Export

EXPORTERS = ["dynamo", "torchscript"]


def load(path: Path, surrogate: Surrogate = Surrogate()) -> Target:  # noqa: B008 - frozen
    return load_onnx(path, Preprocessing(), surrogate, torch.device("cpu"))


def images(count: int) -> torch.Tensor:
    return torch.rand(count, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_agrees_with_onnx_runtime(name: str, exporter: str, exported: Export) -> None:
    target = load(exported(name, exporter))
    batch = images(5)
    with torch.no_grad():
        logits = target.logits(batch)
    scores = target.deployed(batch)
    if target.facts.output is OutputKind.SOFTMAX:
        logits = logits.softmax(1)
    assert logits.shape == scores.shape == (5, 10)
    assert scores.std(0).min() > 0, "the images differ in every score"
    torch.testing.assert_close(logits, scores, rtol=1e-4, atol=1e-4 * float(scores.abs().max()))


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_facts(name: str, exporter: str, exported: Export) -> None:
    path = exported(name, exporter)
    facts = load(path).facts
    assert facts == inspect_onnx(path, Preprocessing())
    assert facts.input_shape == (3, PIXELS, PIXELS)
    assert facts.fixed_batch == (2 if exporter == "dynamo" else None)
    assert facts.output is (OutputKind.SOFTMAX if name == "mlp" else OutputKind.LOGITS)
    binary = name == "binary"
    assert facts.activation_bits == (1 if binary else 32)
    assert facts.weight_bits == (1 if binary else 32)
    assert [fact.op for fact in facts.quantizers] == (["sign"] if binary else [])


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_fixed_batch_is_opened(exporter: str, exported: Export) -> None:
    """The network itself takes any number of images: no loop over the file's batch is left."""
    network = load(exported("resnet18", exporter)).network
    assert "FixedBatch" not in {type(module).__name__ for module in network.modules()}


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_frozen_single_precision_in_eval_mode(exporter: str, exported: Export) -> None:
    network = load(exported("vgg", exporter)).network
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_surrogate_is_the_one_asked_for_and_can_be_changed(exporter: str, exported: Export) -> None:
    clipped = Surrogate.usual(SurrogateKind.CLIPPED, 1.0)
    network = load(exported("binary", exporter), clipped).network
    assert [quantizer.surrogate for _, quantizer in named_quantizers(network)] == [clipped]
    twin = with_surrogate(network, Surrogate())
    assert [quantizer.surrogate for _, quantizer in named_quantizers(twin)] == [Surrogate()]
    batch = images(3)
    with torch.no_grad():
        torch.testing.assert_close(twin(batch), network(batch), rtol=0, atol=0)
    shared = {tensor.data_ptr() for tensor in network.state_dict().values()}
    assert {tensor.data_ptr() for tensor in twin.state_dict().values()} == shared


@pytest.mark.parametrize("name", ["resnet18", "densenet", "binary", "mlp"])
def test_batched_gradients_equal_single_ones(name: str, exported: Export) -> None:
    """All rows of a Jacobian at once (vmap over the backward pass) are the rows one by one."""
    target = load(exported(name, "torchscript"))
    batch = images(2).requires_grad_()
    logits = target.logits(batch).sum(0)
    rows = torch.eye(10)
    (together,) = torch.autograd.grad(logits, batch, rows, is_grads_batched=True, retain_graph=True)
    single = torch.stack([torch.autograd.grad(logits, batch, row, retain_graph=True)[0] for row in rows])
    assert single.abs().amax() > 0
    torch.testing.assert_close(together, single, rtol=1e-4, atol=1e-5 * float(single.abs().max()))


def test_works_under_functional_transforms(exported: Export) -> None:
    target = load(exported("binary", "torchscript"))
    batch = images(2)

    def logits(image: torch.Tensor) -> torch.Tensor:
        return target.logits(image[None])[0]

    jacobian = torch.func.vmap(torch.func.jacrev(logits))(batch)
    batch.requires_grad_()
    (expected,) = torch.autograd.grad(target.logits(batch)[:, 3].sum(), batch)
    torch.testing.assert_close(jacobian[:, 3], expected, rtol=1e-4, atol=1e-6)
