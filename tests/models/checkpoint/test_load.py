"""A checkpoint as a target: facts, deployed copy, logits before the softmax, surrogates in foreign code."""

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bnnaudit.core.errors import CheckpointError
from bnnaudit.core.facts import ChannelOrder, Layout, ModelFormat, OperatorCount, OutputKind, QuantizerFact
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box
from bnnaudit.models.checkpoint.load import load_checkpoint
from bnnaudit.quantization.layers import BinaryLinear
from bnnaudit.quantization.quantizers import BinarySign, with_surrogate

CPU = torch.device("cpu")
PLAIN = Preprocessing()
CLIPPED = Surrogate.usual(SurrogateKind.CLIPPED, 1.0)
IMAGES = torch.rand((3, 1, 2, 3), generator=torch.Generator().manual_seed(0))


def seeded(network: nn.Module) -> nn.Module:
    """The network with weights that depend on their names and shapes alone."""
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return network


def load(
    folder: Path, network: nn.Module, shape: tuple[int, ...] = (6,), preprocessing: Preprocessing = PLAIN
) -> Target:
    """Saves the network's weights and loads them into it with others."""
    save_file({name: tensor.clone() for name, tensor in network.state_dict().items()}, folder / "m.safetensors")
    for parameter in network.parameters():
        parameter.data = torch.full_like(parameter, 9.0)
    return load_checkpoint(folder / "m.safetensors", network, shape, preprocessing, CLIPPED, CPU)


def mlp(*tail: nn.Module) -> nn.Module:
    return seeded(nn.Sequential(nn.Linear(6, 40), nn.ReLU(), nn.Dropout(0.5), nn.Linear(40, 4), *tail))


def test_the_facts_of_a_float_network(tmp_path: Path) -> None:
    network = mlp()
    expected = network.eval()(IMAGES.flatten(1)).detach()
    target = load(tmp_path, network)
    facts = target.facts
    assert target.logits(IMAGES).equal(expected)
    assert target.deployed(IMAGES).equal(expected)
    assert not any(parameter.requires_grad for parameter in target.network.parameters())
    assert not target.network.training
    assert facts.sha256 == hashlib.sha256((tmp_path / "m.safetensors").read_bytes()).hexdigest()
    assert (facts.format, facts.num_classes, facts.layout) == (ModelFormat.SAFETENSORS, 4, Layout.FLAT)
    assert (facts.weight_bits, facts.activation_bits, facts.quantizers) == (32, 32, ())
    assert (facts.parameters, facts.output) == (6 * 40 + 40 + 40 * 4 + 4, OutputKind.LOGITS)
    assert facts.operators[0] == OperatorCount("Linear", 2)
    assert facts.runtime.startswith("torch 2.")


def test_the_facts_of_a_binary_network(tmp_path: Path) -> None:
    network = seeded(nn.Sequential(BinaryLinear(6, 40), nn.BatchNorm1d(40), BinarySign(), BinaryLinear(40, 4)))
    facts = load(tmp_path, network).facts
    assert (facts.weight_bits, facts.activation_bits) == (1, 1)
    assert facts.quantizers == (QuantizerFact("2", "sign", 1),)


class UserNet(nn.Module):
    """A binary network of the user's own, with torch.sign in its forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 20)
        self.second = nn.Linear(20, 3)

    def forward(self, values: Tensor) -> Tensor:
        return self.second(torch.sign(self.first(values)))  # type: ignore[no-any-return]


def test_a_users_sign_gets_the_surrogates_gradient_and_the_deployed_copy_none(tmp_path: Path) -> None:
    network = seeded(UserNet())
    target = load(tmp_path, network)
    assert target.facts.quantizers == (QuantizerFact("forward", "sign", 1),)
    images = IMAGES.clone().requires_grad_()
    scores = target.logits(images)
    (gradient,) = torch.autograd.grad(scores[:, 0].sum(), images)
    hidden = network.first(IMAGES.flatten(1))
    by_hand = (network.second.weight[0] * (hidden.abs() <= 1)) @ network.first.weight
    assert torch.allclose(gradient.flatten(1), by_hand, atol=1e-6)
    assert by_hand.any()
    (other,) = torch.autograd.grad(with_surrogate(target.network, Surrogate())(images.flatten(1))[:, 0].sum(), images)
    assert torch.allclose(other.flatten(1), (network.second.weight[0] @ network.first.weight).expand(3, 6), atol=1e-5)
    assert target.deployed(images).equal(scores.detach())
    assert not target.deployed(images).requires_grad


@pytest.mark.parametrize(
    ("tail", "kind"), [(nn.Softmax(dim=1), OutputKind.SOFTMAX), (nn.LogSoftmax(dim=1), OutputKind.LOG_SOFTMAX)]
)
def test_logits_before_a_softmax_survive_where_probabilities_underflow(
    tmp_path: Path, tail: nn.Module, kind: OutputKind
) -> None:
    target = load(tmp_path, mlp(tail))
    assert target.facts.output is kind
    images = IMAGES * 1000
    assert target.logits(images).equal(target.network.module[:4](images.flatten(1)))
    assert torch.allclose(target.deployed(images), tail(target.logits(images)))


class Normalised(nn.Module):
    """Probabilities by a division that no one can take for a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = mlp()

    def forward(self, values: Tensor) -> Tensor:
        powers = torch.exp(self.inner(values))
        return powers / powers.sum(dim=1, keepdim=True)


def test_probabilities_of_another_make_become_their_logarithms(tmp_path: Path) -> None:
    target = load(tmp_path, seeded(Normalised()))
    assert target.facts.output is OutputKind.SOFTMAX
    assert torch.allclose(target.logits(IMAGES), target.deployed(IMAGES).clamp_min(1e-38).log())


class Pixels(nn.Module):
    """Scores that show where each input value ended up."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, values: Tensor) -> Tensor:
        assert values.shape[1:] == ((3, 2, 4) if self.layout is Layout.NCHW else (2, 4, 3))
        return values.mean(dim=(2, 3) if self.layout is Layout.NCHW else (1, 2)) * self.scale


@pytest.mark.parametrize(("shape", "layout"), [((3, 2, 4), Layout.NCHW), ((2, 4, 3), Layout.NHWC)])
def test_preprocessing_is_done_by_channel_in_either_layout(
    tmp_path: Path, shape: tuple[int, ...], layout: Layout
) -> None:
    stated = Preprocessing(Box(0.0, 255.0), (1.0, 2.0, 3.0), (2.0, 4.0, 8.0), layout)
    save_file({"scale": torch.ones(1)}, tmp_path / "m.safetensors")
    target = load_checkpoint(tmp_path / "m.safetensors", Pixels(layout), shape, stated, CLIPPED, CPU)
    images = torch.full((2, 3, 2, 4), 19.0)
    for scores in (target.logits(images), target.deployed(images)):
        assert scores.tolist() == [[9.0, 4.25, 2.0]] * 2
    assert (target.facts.box, target.facts.layout) == (stated.box, layout)


def test_a_checkpoint_can_take_blue_first(tmp_path: Path) -> None:
    stated = Preprocessing(Box(0.0, 255.0), (1.0, 2.0, 3.0), (2.0, 4.0, 8.0), channels=ChannelOrder.BGR)
    save_file({"scale": torch.ones(1)}, tmp_path / "m.safetensors")
    target = load_checkpoint(tmp_path / "m.safetensors", Pixels(Layout.NCHW), (3, 2, 4), stated, CLIPPED, CPU)
    images = torch.tensor([27.0, 18.0, 9.0]).view(1, 3, 1, 1).expand(1, 3, 2, 4)
    for scores in (target.logits(images), target.deployed(images)):
        assert scores.tolist() == [[4.0, 4.0, 3.0]]
    assert target.facts.channels is ChannelOrder.BGR


def test_large_batches_are_replayed_in_pieces_without_a_difference(tmp_path: Path) -> None:
    target = load(tmp_path, mlp())
    images = torch.rand((600, 1, 2, 3), generator=torch.Generator().manual_seed(5))
    assert torch.allclose(target.deployed(images), target.logits(images), atol=1e-5)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Linear(5, 3), r"Linear fails on an input of shape 6 \(RuntimeError"),
        (nn.Linear(6, 1), r"returns shape \(5, 1\)"),
        (nn.Unflatten(1, (2, 3)), r"returns shape \(5, 2, 3\)"),
    ],
)
def test_networks_that_are_no_classifiers_of_that_input(tmp_path: Path, network: nn.Module, message: str) -> None:
    torch.save(
        {"state_dict": network.state_dict()} if list(network.parameters()) else {"x": torch.ones(1)}, tmp_path / "m.pt"
    )
    if not list(network.parameters()):
        network.register_buffer("x", torch.ones(1))
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(tmp_path / "m.pt", network, (6,), PLAIN, CLIPPED, CPU)
    assert "\n" not in str(caught.value)
