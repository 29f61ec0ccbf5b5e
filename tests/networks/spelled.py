"""One binary network in every way that PyTorch code writes its signs: the weights are the same, and so are the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

Sign = Callable[[Tensor], Tensor]


class StraightThrough(torch.autograd.Function):
    """The sign with the gradient 1."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:
        return torch.where(values >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return gradients[0]


class Clipped(torch.autograd.Function):
    """The sign with the gradient 1 inside |x| <= 1, as binary networks are trained."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return values.ge(0).float() * 2 - 1

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradients[0] * (values.abs() <= 1)


class Dead(torch.autograd.Function):
    """The sign with a gradient of zero."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:
        return (values >= 0).to(values.dtype) * 2 - 1

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return torch.zeros_like(gradients[0])


class Forward(torch.autograd.Function):
    """The sign without a backward pass, in the newer form."""

    @staticmethod
    def forward(values: Tensor) -> Tensor:
        return torch.heaviside(values, torch.ones(())) * 2 - 1

    @staticmethod
    def setup_context(ctx: object, inputs: tuple[Tensor], output: Tensor) -> None:
        pass


straight_through: Sign = StraightThrough.apply
clipped: Sign = Clipped.apply
dead: Sign = Dead.apply
forward_only: Sign = Forward.apply


def torch_sign(values: Tensor) -> Tensor:
    return torch.sign(torch.sign(values) + 0.5)


def where(values: Tensor) -> Tensor:
    return torch.where(values >= 0, 1.0, -1.0)


def where_tensors(values: Tensor) -> Tensor:
    return torch.where(values < 0, -torch.ones_like(values), torch.ones_like(values))


def cast(values: Tensor) -> Tensor:
    return 2 * (values >= 0).type_as(values) - 1


def whole(values: Tensor) -> Tensor:
    return ((values >= 0).long() * 2 - 1).to(values.dtype)


def overwritten(values: Tensor) -> Tensor:
    result = values.clone()
    result[values >= 0] = 1
    result[values < 0] = -1
    return result


def zero_replaced(values: Tensor) -> Tensor:
    signs = values.sign()
    signs[signs == 0] = 1
    return signs


def detach_trick(values: Tensor) -> Tensor:
    return values + (where(values) - values).detach()


def detach_clipped(values: Tensor) -> Tensor:
    soft = F.hardtanh(values)
    return soft + (where(values) - soft).detach()


def detach_smooth(values: Tensor) -> Tensor:
    return where(values).detach() - torch.tanh(values).detach() + torch.tanh(values)


def data_overwritten(values: Tensor) -> Tensor:
    result = values.clone()
    result.data = where(values.data)
    return result


def in_place(values: Tensor) -> Tensor:
    result = values.clone()
    result.data.sign_().add_(0.5).sign_()
    return result


@torch.no_grad()
def no_grad(values: Tensor) -> Tensor:
    return where(values)


def detached(values: Tensor) -> Tensor:
    return where(values.detach())


def bucketized(values: Tensor) -> Tensor:
    return torch.bucketize(values, torch.zeros(1), right=True).float() * 2 - 1


SPELLINGS: Mapping[str, Sign] = {
    "torch.sign": torch_sign,
    "where": where,
    "where, tensors": where_tensors,
    "comparison cast": cast,
    "whole numbers": whole,
    "overwritten": overwritten,
    "zero replaced": zero_replaced,
    "Function": straight_through,
    "Function, clipped": clipped,
    "Function, dead": dead,
    "Function, forward only": forward_only,
    "detach trick": detach_trick,
    "detach trick, hardtanh": detach_clipped,
    "detach trick, tanh": detach_smooth,
    "data": data_overwritten,
    "data in place": in_place,
    "no_grad": no_grad,
    "detach": detached,
    "bucketize": bucketized,
}
"""The sign with sign(0) = +1."""


class Spelled(nn.Module):
    """A sequential network whose layers of kind `replaced` are calls of a function in code of its own.

    cut_off: the whole network runs without gradients.
    """

    def __init__(self, network: nn.Module, sign: Sign, replaced: type[nn.Module], cut_off: bool = False) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Identity() if isinstance(m, replaced) else m for m in network.children())
        self.places = [index for index, layer in enumerate(network.children()) if isinstance(layer, replaced)]
        self.sign, self.cut_off = sign, cut_off

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, classes)."""
        with torch.no_grad() if self.cut_off else nullcontext():
            for index, layer in enumerate(self.layers):
                values = self.sign(values) if index in self.places else layer(values)
        return values
