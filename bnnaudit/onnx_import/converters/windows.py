"""Windows that slide over an image: their settings, and the margins that the image gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Node

MOST_AXES = 3
"""torch has convolutions and poolings over one to three axes."""


@dataclass(frozen=True, slots=True)
class Window:
    """Kernel, strides and dilations of each axis; margins are `pads`, or follow from the image's size with `same`.

    same: "" for fixed margins, "SAME_UPPER" or "SAME_LOWER" for those that make the output ceil(size / stride) long, the
    odd one of them at the end or at the beginning.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    same: str = ""

    @property
    def axes(self) -> int:
        """The number of axes that the window slides over."""
        return len(self.kernel)

    def span(self, axis: int) -> int:
        """How many values of an axis lie between the window's ends."""
        return self.dilations[axis] * (self.kernel[axis] - 1) + 1

    def margins(self, sizes: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The margins before and after each axis of an image of these sizes."""
        if not self.same:
            return self.before, self.after
        total = [
            max(0, (-(-size // stride) - 1) * stride + self.span(axis) - size)
            for axis, (size, stride) in enumerate(zip(sizes, self.strides, strict=True))
        ]
        return split_margins(total, upper=self.same == "SAME_UPPER")

    def on(self, shape: Sequence[int | None] | None) -> Window:
        """The window with fixed margins on an image (N, C, ...) whose size is known."""
        sizes = [size for size in (shape or ())[2:] if size is not None]
        if not self.same or shape is None or len(sizes) != self.axes or len(shape) != self.axes + 2:
            return self
        before, after = self.margins(sizes)
        return replace(self, before=before, after=after, same="")


def split_margins(total: Sequence[int], upper: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Margins before and after each axis, the odd one after with `upper`."""
    less = tuple(margin // 2 for margin in total)
    more = tuple(margin - margin // 2 for margin in total)
    return (less, more) if upper else (more, less)


def with_margins(values: Tensor, before: Sequence[int], after: Sequence[int], fill: float = 0.0) -> Tensor:
    """(N, C, ...) -> (N, C, ...) with margins on the last axes; a negative margin cuts off."""
    pads = [pad for sides in zip(reversed(before), reversed(after), strict=True) for pad in sides]
    return functional.pad(values, pads, value=fill) if any(pads) else values


def window_of(node: Node, kernel: Sequence[int]) -> Window:
    """The settings of a convolution or pooling; NotImplementedError for those that torch cannot do."""
    axes = len(kernel)
    if not 1 <= axes <= MOST_AXES:
        raise NotImplementedError(f"windows over {axes} axes; one to three are supported")
    mode = str(node.attribute("auto_pad", "NOTSET"))
    pads = [int(pad) for pad in node.attribute("pads") or [0] * (2 * axes)]
    if mode != "NOTSET":
        pads = [0] * (2 * axes)
    settings = {name: tuple(node.attribute(name) or [1] * axes) for name in ("strides", "dilations")}
    if len(pads) != 2 * axes or any(len(values) != axes for values in settings.values()):
        raise NotImplementedError(f"pads, strides or dilations do not fit a window over {axes} axes")
    if min(kernel) < 1 or min(settings["strides"]) < 1 or min(settings["dilations"]) < 1:
        raise NotImplementedError("windows, strides or dilations below 1")
    same = mode if mode.startswith("SAME") else ""
    return Window(
        tuple(int(size) for size in kernel),
        settings["strides"],
        settings["dilations"],
        tuple(pads[:axes]),
        tuple(pads[axes:]),
        same,
    )
