"""A network under autocast leaves the precision of everything else alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.models.checkpoint.tracing.trace import trace
from bnnaudit.quantization.quantizers import Quantizer

INPUTS = torch.rand((6, 9), generator=torch.Generator().manual_seed(0))


class Half(nn.Module):
    """Two layers in bfloat16 with a sign between them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(9, 40), nn.Linear(40, 4)

    def forward(self, values: Tensor) -> Tensor:
        """(N, 9) -> (N, 4)."""
        with torch.autocast("cpu", torch.bfloat16):
            scores: Tensor = self.last(torch.where(self.first(values) >= 0, 1.0, -1.0))
        return scores.float()


def test_the_copy_computes_in_the_same_precision_and_has_its_step() -> None:
    network = Half().eval().requires_grad_(False)
    traced = trace(network, INPUTS)
    assert torch.equal(traced.network(INPUTS), network(INPUTS))
    assert [step.op for step in traced.quantizers] == ["sign"]


def test_a_copy_that_is_stopped_half_way_switches_autocast_off() -> None:
    copy = trace(Half().eval().requires_grad_(False), INPUTS).network
    (step,) = (module for module in copy.modules() if isinstance(module, Quantizer))

    def stop(*_: object) -> None:
        raise KeyError

    step.register_forward_hook(stop)
    with pytest.raises(KeyError):
        copy(INPUTS)
    assert not torch.is_autocast_enabled("cpu")
