"""Networks that reshape by the size of the batch: no batch of theirs is empty, and every one lies in order."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bnnaudit.core.attack import Beta, BetaRule
from bnnaudit.core.batch import Batch
from bnnaudit.core.clever import Ball, CleverSettings
from bnnaudit.core.errors import CheckpointError
from bnnaudit.core.file_limits import IMAGE_VALUES
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.measurements.clever import clever_scores
from bnnaudit.models.checkpoint.load import load_checkpoint


class Viewing(nn.Module):
    """PyTorch itself refuses both view(0, -1) and the view of turned axes."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.layer(images.view(images.size(0), -1))
        return scores


@pytest.fixture
def target(tmp_path: Path) -> Target:
    network = Viewing()
    save_file(network.state_dict(), tmp_path / "m.safetensors")
    return load_checkpoint(
        tmp_path / "m.safetensors", network, (1, 2, 3), Preprocessing(), Surrogate(), torch.device("cpu")
    )


def test_no_images_have_no_scores(target: Target) -> None:
    none = torch.zeros(0, 1, 2, 3, requires_grad=True)
    assert target.deployed(none).shape == (0, 3)
    assert target.outputs(none).shape == (0, 3)
    logits = target.logits(none)
    assert logits.shape == (0, 3)
    (gradient,) = torch.autograd.grad(logits.sum(), none)
    assert gradient.shape == none.shape


def test_images_with_turned_axes_are_put_in_order_first(target: Target) -> None:
    turned = torch.rand(4, 1, 3, 2).transpose(2, 3)
    assert not turned.is_contiguous()
    assert torch.allclose(target.deployed(turned), target.deployed(turned.contiguous()))


def test_clever_of_no_images(target: Target) -> None:
    none = Batch(torch.zeros(0, 1, 2, 3), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
    rules = (Beta(BetaRule.NJS), Beta(BetaRule.HNS))
    settings = CleverSettings(rules, dict.fromkeys(Ball, 1.0), batches=2, draws=2, targets=1)
    found = clever_scores(target, none, settings, seed=0)
    assert found.betas.shape == (0, 3)
    assert all(scores.shape == (0, 3) for scores in found.scores.values())


def test_inputs_larger_than_any_picture(tmp_path: Path) -> None:
    network = Viewing()
    save_file(network.state_dict(), tmp_path / "m.safetensors")
    for shape in ((1, 4000, 4000), (IMAGE_VALUES.most + 1,)):
        with pytest.raises(CheckpointError, match="correct input_shape"):
            load_checkpoint(
                tmp_path / "m.safetensors", network, shape, Preprocessing(), Surrogate(), torch.device("cpu")
            )
