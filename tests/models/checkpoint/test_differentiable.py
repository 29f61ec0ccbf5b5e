"""Which way a user's network gets its gradient by, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnnaudit.auditing.open import open_model_and_data
from bnnaudit.config.card import parse_settings
from bnnaudit.core.facts import Differentiation
from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.core.target import Target
from bnnaudit.quantization.quantizers import BinarySign, with_surrogate
from bnnaudit.quantization.zero_gradient import Attached
from tests.networks.checkpoints import checkpoint_of, write_checkpoint

IMAGES = torch.rand((40, 12), generator=torch.Generator().manual_seed(0))


class InNumpy(nn.Module):
    """A sign that only its values tell of."""

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        return torch.from_numpy(np.where(values.detach().numpy() >= 0, 1.0, -1.0).astype(np.float32))


class Foreign(nn.Module):
    """Layers in code of one's own."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, values: Tensor) -> Tensor:
        """(N, 12) -> (N, 4)."""
        for layer in self.layers:
            values = layer(values)
        return values


class Alone(Foreign):
    """The same with all of it under no_grad and through NumPy."""

    @torch.no_grad()
    def forward(self, values: Tensor) -> Tensor:
        """(N, 12) -> (N, 4)."""
        first, last = self.layers
        return last(torch.from_numpy(np.sign(first(values).numpy())))  # type: ignore[no-any-return]


def layers(middle: nn.Module) -> list[nn.Module]:
    torch.manual_seed(0)
    return [nn.Linear(12, 50), middle, nn.Linear(50, 4)]


def gradient(target: Target, surrogate: Surrogate = Surrogate()) -> Tensor:  # noqa: B008 - frozen
    points = IMAGES.clone().requires_grad_()
    (found,) = torch.autograd.grad(with_surrogate(target.network, surrogate)(points)[:, 0].sum(), points)
    return found


def test_known_modules_are_taken_as_they_are() -> None:
    target = checkpoint_of(nn.Sequential(*layers(BinarySign())), (12,), 4)
    assert target.facts.gradients.source is Differentiation.MODULES
    assert [type(module) for module in target.network] == [nn.Linear, BinarySign, nn.Linear]  # type: ignore[attr-defined]


def test_foreign_code_without_a_step_keeps_its_modules() -> None:
    target = checkpoint_of(Foreign(*layers(nn.ReLU())), (12,), 4)
    assert target.facts.gradients.source is Differentiation.MODULES
    assert target.facts.gradients.complete
    assert target.facts.activation_bits == 32
    assert isinstance(target.network, Foreign)


def test_foreign_code_with_a_step_is_recorded() -> None:
    target = checkpoint_of(Foreign(*layers(BinarySign())), (12,), 4)
    assert target.facts.gradients.source is Differentiation.RECORDED
    assert target.facts.activation_bits == 1


def test_a_module_that_leaves_torch_is_measured_and_gets_the_same_gradient() -> None:
    target = checkpoint_of(Foreign(*layers(InNumpy())), (12,), 4)
    seen = target.facts.gradients
    assert seen.source is Differentiation.MEASURED
    assert not seen.complete
    assert not seen.dead
    assert [(step.name, step.op, step.bits) for step in target.facts.quantizers] == [("layers.1", "quantize", 1)]
    plain = checkpoint_of(nn.Sequential(*layers(BinarySign())), (12,), 4)
    assert torch.equal(target.logits(IMAGES), plain.logits(IMAGES))
    wide = Surrogate.usual(SurrogateKind.TANH, 4.0)
    assert torch.allclose(gradient(target, wide), gradient(plain, wide), rtol=0.05, atol=0.02)


def test_what_has_no_gradient_at_all_is_tied_to_its_input_and_called_unknown() -> None:
    target = checkpoint_of(Alone(nn.Linear(12, 50), nn.Linear(50, 4)), (12,), 4)
    seen = target.facts.gradients
    assert seen.source is Differentiation.CODE
    assert (seen.dead, seen.complete) == (True, False)
    assert seen.why == "it leaves PyTorch for NumPy"
    assert target.facts.activation_bits is None
    assert isinstance(target.network, Attached)
    assert not gradient(target).any()


class Rare(nn.Module):
    """Another network for images that are darker than random ones ever are."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = (nn.Linear(16, 3) for _ in range(2))

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, 4, 4) -> (N, 3)."""
        flat = images.flatten(1)
        layer = self.two if float(flat.max()) < 0.01 else self.one
        scores: Tensor = layer(torch.sign(flat - 0.005))
        return scores


@pytest.mark.parametrize(("brightness", "source"), [(1.0, "recorded"), (0.009, "code")])
def test_a_copy_that_fails_on_the_sample_is_given_up(tmp_path: Path, brightness: float, source: str) -> None:
    torch.manual_seed(0)
    model = write_checkpoint(Rare(), tmp_path / "weights.safetensors")
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "images.npz", x=(rng.random((20, 1, 4, 4)) * brightness).astype(np.float32))
    table = {
        "architecture": {"name": "tests.models.checkpoint.test_differentiable:Rare", "input_shape": [1, 4, 4]},
        "data": {"source": str(tmp_path / "images.npz")},
    }
    target = open_model_and_data(model, parse_settings(table, "test")).target
    assert str(target.facts.gradients.source) == source


def test_a_scripted_part_is_recorded_like_the_rest() -> None:
    torch.manual_seed(5)
    first, step, last = nn.Linear(12, 20), BinarySign(), nn.Linear(20, 4)
    plain = checkpoint_of(nn.Sequential(first, step, last), (12,), 4)
    scripted = checkpoint_of(Foreign(torch.jit.script(first), BinarySign(), last), (12,), 4)
    assert scripted.facts.gradients.source is Differentiation.RECORDED
    assert torch.allclose(gradient(scripted), gradient(plain), atol=1e-6)
