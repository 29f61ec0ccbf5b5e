"""Weights into an architecture: prefixes, precision, and one error for all that does not fit."""

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.core.errors import CheckpointError
from bnnaudit.models.checkpoint.fit_weights import fit_weights


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def weights() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    made = {name: torch.rand(tensor.shape, generator=generator) for name, tensor in network().state_dict().items()}
    return made | {"1.num_batches_tracked": torch.tensor(5)}


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "_orig_mod.", "net.", "module._orig_mod.model."])
def test_prefixes_that_all_names_have_are_taken_off(prefix: str) -> None:
    poured = network()
    fit_weights({prefix + name: tensor for name, tensor in weights().items()}, poured, "m.pt")
    assert all(tensor.equal(weights()[name]) for name, tensor in poured.state_dict().items())


class Wrapped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = network()


def test_a_prefix_of_the_architectures_own_stays() -> None:
    poured = Wrapped()
    fit_weights({f"module.model.{name}": tensor for name, tensor in weights().items()}, poured, "m.pt")
    assert poured.model[0].weight.equal(weights()["0.weight"])


def test_other_precisions_become_those_of_the_network() -> None:
    poured = network()
    halves = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in weights().items()}
    fit_weights(halves, poured, "m.pt")
    assert poured[0].weight.dtype == torch.float32
    assert poured[0].weight.equal(weights()["0.weight"].half().float())


def test_batch_counters_may_be_missing() -> None:
    held = weights()
    del held["1.num_batches_tracked"]
    fit_weights(held, network(), "m.pt")


def test_everything_that_does_not_fit_is_named_at_once() -> None:
    held = weights() | {"extra.scale": torch.ones(1), "2.weight": torch.ones(5, 4), "2.bias": torch.ones(2) * 1j}
    del held["0.bias"]
    with pytest.raises(CheckpointError) as caught:
        fit_weights(held, network(), "m.pt")
    message = str(caught.value)
    assert message.startswith("m.pt: does not fit the architecture Sequential: ")
    assert (
        "missing: 0.bias; unknown: extra.scale; of another shape: 2.weight is 5x4, not 2x4; complex: 2.bias" in message
    )


def test_long_lists_are_cut_and_counted() -> None:
    held = weights() | {f"block.{index}": torch.ones(1) for index in range(11)}
    with pytest.raises(CheckpointError, match=r"block\.7 and 3 more"):
        fit_weights(held, network(), "m.pt")
