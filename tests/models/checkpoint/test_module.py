"""A module in memory: the target of its checkpoint, made on copies."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from bnnaudit.core.errors import CheckpointError, ModelError
from bnnaudit.core.facts import ModelFormat
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.checkpoint.load import load_checkpoint
from bnnaudit.models.checkpoint.module import GivenModule, load_module, sha256_of_state
from tests.networks.checkpoints import write_checkpoint

IMAGES = torch.rand(6, 2, 5, 5, generator=torch.Generator().manual_seed(0))


def network() -> nn.Module:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))
    made(IMAGES)  # so that the statistics are not the initial ones
    return made


def load(module: nn.Module, shape: tuple[int, ...] = (2, 5, 5)) -> Target:
    return load_module(GivenModule(module, "net"), shape, Preprocessing(), Surrogate(), torch.device("cpu"))


def test_it_is_the_target_of_its_checkpoint(tmp_path: Path) -> None:
    path = write_checkpoint(network(), tmp_path / "n.safetensors")
    stored = load_checkpoint(path, network(), (2, 5, 5), Preprocessing(), Surrogate(), torch.device("cpu"))
    target = load(network())
    assert torch.equal(target.deployed(IMAGES), stored.deployed(IMAGES))
    assert torch.equal(target.logits(IMAGES), stored.logits(IMAGES))
    facts = target.facts
    assert (facts.path, facts.format, facts.sha256) == ("net", ModelFormat.MODULE, sha256_of_state(network()))
    assert (facts.num_classes, facts.parameters, facts.weight_layers) == (
        3,
        stored.facts.parameters,
        stored.facts.weight_layers,
    )


def test_neither_copy_shares_anything_with_the_module() -> None:
    module = network()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    target = load(module)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.zero_()
    expected = network().eval()
    expected.load_state_dict(before)
    assert torch.equal(target.deployed(IMAGES), expected(IMAGES).detach())
    assert module.training


def test_the_digest_is_of_names_types_shapes_and_values() -> None:
    def state(**tensors: Tensor) -> nn.Module:
        module = nn.Module()
        for name, tensor in tensors.items():
            module.register_buffer(name, tensor)
        return module

    ones = torch.ones(4)
    same = [state(a=ones, b=ones * 2), state(b=ones * 2, a=ones), state(a=ones.expand(2, 4)[0], b=ones + 1)]
    others = [
        state(a=ones * 2, b=ones),
        state(a=ones, c=ones * 2),
        state(a=ones.double(), b=ones * 2),
        state(a=ones.reshape(2, 2), b=ones * 2),
        state(a=ones.bfloat16(), b=ones * 2),
        state(a=torch.tensor(True), b=ones * 2),
        state(a=ones),
        state(),
    ]
    assert len({sha256_of_state(module) for module in same}) == 1
    assert len({sha256_of_state(module) for module in [same[0], *others]}) == 1 + len(others)


def test_the_deployed_model_is_of_the_module_s_own_precision() -> None:
    target = load(network().double())
    assert torch.equal(target.deployed(IMAGES), network().double().eval()(IMAGES.double()).detach().float())
    assert target.logits(IMAGES).dtype is torch.float32
    half = load(network().bfloat16())
    assert torch.equal(half.deployed(IMAGES), network().bfloat16().eval()(IMAGES.bfloat16()).detach().float())


def test_what_wraps_a_module_for_several_devices_is_taken_off() -> None:
    target = load(nn.DataParallel(network()))
    assert torch.equal(target.deployed(IMAGES), network().eval()(IMAGES).detach())


def test_weights_that_the_module_computes_are_copied_too() -> None:
    """An attribute that is no leaf is what `copy.deepcopy` alone refuses."""

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.scale = network(), nn.Parameter(torch.tensor(2.0))
            self.squared = self.scale**2

        def forward(self, images: Tensor) -> Tensor:
            scores: Tensor = self.inner(images) * self.squared
            return scores

    module = Scaled()
    assert torch.equal(load(module).deployed(IMAGES), Scaled().eval()(IMAGES).detach())
    assert not module.squared.is_leaf
    normed = nn.Sequential(nn.Flatten(), parametrizations.weight_norm(nn.Linear(50, 3)))
    expected = normed(IMAGES).detach()
    assert torch.allclose(load(normed).deployed(IMAGES), expected)


def test_a_compiled_module_is_audited() -> None:
    target = load(torch.compile(network(), backend="eager"))
    assert torch.equal(target.deployed(IMAGES), network().eval()(IMAGES).detach())
    assert target.logits(IMAGES.clone().requires_grad_()).requires_grad


class Uncopyable(nn.Linear):
    def __deepcopy__(self, memo: object) -> nn.Module:
        raise TypeError("cannot pickle a lock")


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Flatten(), Uncopyable(50, 3)), r"^net: cannot be copied \(TypeError: cannot pickle a lock\)"),
        (nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), "^net: has lazy weights"),
        (torch.jit.trace(nn.Linear(50, 3), torch.ones(1, 50)), "^net: is scripted or traced; give the module"),
        (nn.Linear(50, 3, device="meta"), "^net: its weights are on the meta device"),
    ],
)
def test_what_cannot_be_audited_is_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load(module)


def test_a_module_that_is_no_classifier_of_such_images_is_refused() -> None:
    with pytest.raises(CheckpointError, match="net: Sequential fails on an input of shape 7x5x5"):
        load(network(), (7, 5, 5))
    with pytest.raises(CheckpointError, match=r"net: Flatten returns shape \(5, 50\)|at least 2 classes"):
        load(nn.Sequential(nn.Flatten(), nn.Linear(50, 1)))
