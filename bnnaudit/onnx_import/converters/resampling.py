"""Resize and Upsample: each resized axis is multiplied by the matrix of its interpolation weights, as ONNX defines them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.graph.graph import FLOATS
from bnnaudit.onnx_import.operands import Numbers, fixed_numbers, numbers

# How far from an output value the inputs lie that it reads, in input pixels.
REACH = {"linear": 1, "cubic": 2}

# Numbers in the matrix of one axis: 4096 values from as many.
LARGEST_MATRIX = 2**24

POLICIES = ("stretch", "not_larger", "not_smaller")


@dataclass(frozen=True, slots=True)
class Rule:
    """How output positions map to input positions, and which inputs they read.

    policy: what target sizes mean: those sizes (stretch), or one scale for all axes that keeps within or fills them.
    outside: what a crop shows of outside the image.
    """

    mode: str = "nearest"
    coordinates: str = "half_pixel"
    nearest: str = "round_prefer_floor"
    cubic_a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False
    policy: str = "stretch"
    outside: float = 0.0


@dataclass(frozen=True, slots=True)
class Extent:
    """One axis: input and output length, output pixels per input pixel, and the part (of the input's length) shown."""

    size: int
    target: int
    scale: float
    start: float = 0.0
    end: float = 1.0


class Resampling(nn.Module):
    """Resize-10 to 19, Upsample-1 to 10: axes get target sizes, or are scaled.

    axes: those that the lists are for, all of them where None. lists: the part to show (starts, then ends), scales and
    sizes, each fixed, computed or missing; a size of 0 keeps the axis.
    """

    def __init__(self, rule: Rule, axes: list[int] | None, lists: Numbers) -> None:
        super().__init__()
        self.rule = rule
        self.axes = axes
        self.lists = lists

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> the same number of axes."""
        for axis, extent in self._extents(values, computed).items():
            values = _along(values, axis, extent, self.rule)
        return values

    def _extents(self, values: Tensor, computed: tuple[Tensor, ...]) -> dict[int, Extent]:
        """The axes that change."""
        parts, scales, sizes = self.lists.read(computed)
        axes = [axis % values.dim() for axis in (range(values.dim()) if self.axes is None else self.axes)]
        lengths = [values.shape[axis] for axis in axes]
        targets, factors = _targets(lengths, scales or None, sizes or None, self.rule)
        crop = self.rule.coordinates == "tf_crop_and_resize"
        starts = parts[: len(axes)] if crop and parts else [0.0] * len(axes)
        ends = parts[len(axes) :] if crop and parts else [1.0] * len(axes)
        extents = (
            Extent(*entry)
            for entry in zip(lengths, targets, factors, map(float, starts), map(float, ends), strict=True)
        )
        return {
            axis: extent
            for axis, extent in zip(axes, extents, strict=True)
            if extent != Extent(extent.size, extent.size, 1.0)
        }

    def extra_repr(self) -> str:
        """For people: the rule and the lists."""
        return f"{self.rule}, axes={self.axes}, {self.lists!r}"


def _targets(
    lengths: list[int], scales: list[int | float] | None, sizes: list[int | float] | None, rule: Rule
) -> tuple[list[int], list[float]]:
    """The output length of each axis, and its scale."""
    if sizes is None:
        factors = [float(scale) for scale in scales or [1.0] * len(lengths)]
        return [int(np.floor(length * factor)) for length, factor in zip(lengths, factors, strict=True)], factors
    wanted = [int(size) or length for size, length in zip(sizes, lengths, strict=True)]
    ratios = [target / length for target, length in zip(wanted, lengths, strict=True)]
    if rule.policy == "stretch":
        return wanted, ratios
    ratio = min(ratios) if rule.policy == "not_larger" else max(ratios)
    return [int(np.floor(ratio * length + 0.5)) for length in lengths], [ratio] * len(lengths)


def _along(values: Tensor, axis: int, extent: Extent, rule: Rule) -> Tensor:
    """values with one axis resampled; nearest only picks, so it is exact."""
    weights = interpolation(extent, rule)
    if rule.mode == "nearest":
        resampled = values.index_select(axis, torch.from_numpy(weights.argmax(axis=1)).to(values.device))
    else:
        matrix = torch.from_numpy(weights).to(values.dtype).to(values.device)
        resampled = torch.movedim(torch.tensordot(values, matrix, dims=([axis], [1])), -1, axis)
    if rule.coordinates != "tf_crop_and_resize":
        return resampled
    positions = _source_positions(extent, rule.coordinates)
    outside = torch.from_numpy((positions < 0) | (positions > extent.size - 1)).to(values.device)
    return resampled.masked_fill(outside.reshape(-1, *[1] * (values.dim() - axis - 1)), rule.outside)


def interpolation(extent: Extent, rule: Rule) -> NDArray[np.float64]:
    """The weights (target, size) of the input values for each output value of one axis (ONNX Resize)."""
    size, target = extent.size, extent.target
    if size * target > LARGEST_MATRIX:
        raise NotImplementedError(f"an axis of {size} resampled to {target}: larger than is supported")
    positions = _source_positions(extent, rule.coordinates)
    weights = np.zeros((target, size))
    if rule.mode == "nearest":
        weights[np.arange(target), np.clip(_nearest(positions, rule.nearest), 0, size - 1)] = 1
        return weights
    # Antialiasing widens the kernel where the image shrinks, so that every input value is read.
    narrowing = min(extent.scale, 1.0) if rule.antialias else 1.0
    reach = int(np.ceil(REACH[rule.mode] / narrowing))
    index = np.floor(positions).astype(int)[:, None] + np.arange(-reach + 1, reach + 1)
    weight = _kernel(np.abs(positions[:, None] - index) * narrowing, rule)
    if rule.antialias:
        weight /= weight.sum(axis=1, keepdims=True)
    if rule.exclude_outside:
        weight = np.where((index < 0) | (index >= size), 0.0, weight)
        weight /= weight.sum(axis=1, keepdims=True)
    np.add.at(weights, (np.arange(target)[:, None], np.clip(index, 0, size - 1)), weight)
    return weights


def _kernel(distance: NDArray[np.float64], rule: Rule) -> NDArray[np.float64]:
    """The weight of an input value at a distance (in input pixels): a triangle, or Keys' cubic with parameter a."""
    if rule.mode == "linear":
        return np.clip(1 - distance, 0, 1)
    a, d = rule.cubic_a, distance
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _source_positions(extent: Extent, coordinates: str) -> NDArray[np.float64]:
    """Where each output value lies on the input's axis."""
    size, target, scale = extent.size, extent.target, extent.scale
    out = np.arange(target, dtype=np.float64)
    match coordinates:
        case "asymmetric":
            return out / scale
        case "align_corners":
            return out * (size - 1) / (target - 1) if target > 1 else np.zeros(target)
        case "half_pixel":
            return (out + 0.5) / scale - 0.5
        case "pytorch_half_pixel":
            return (out + 0.5) / scale - 0.5 if target > 1 else np.zeros(target)
        case "half_pixel_symmetric":
            adjustment = target / (scale * size)
            return size / 2 * (1 - adjustment) + (out + 0.5) / scale - 0.5
        case "tf_half_pixel_for_nn":
            return (out + 0.5) / scale
        case "tf_crop_and_resize":
            width = (extent.end - extent.start) * (size - 1)
            return extent.start * (size - 1) + (
                out * width / (target - 1) if target > 1 else np.full(target, width / 2)
            )
        case _:
            raise NotImplementedError(f"coordinate transformation {coordinates!r}")


def _nearest(positions: NDArray[np.float64], mode: str) -> NDArray[np.int64]:
    match mode:
        case "round_prefer_floor":
            rounded = np.ceil(positions - 0.5)
        case "round_prefer_ceil":
            rounded = np.floor(positions + 0.5)
        case "floor":
            rounded = np.floor(positions)
        case "ceil":
            rounded = np.ceil(positions)
        case _:
            raise NotImplementedError(f"nearest mode {mode!r}")
    return rounded.astype(np.int64)


def _rule(node: Node) -> Rule:
    mode = str(node.attribute("mode", "nearest"))
    mode = "linear" if mode == "bilinear" else mode
    if mode != "nearest" and mode not in REACH:
        raise NotImplementedError(f"resizing mode {mode!r}")
    if mode != "nearest" and node.element_type() not in (0, *FLOATS):
        raise NotImplementedError(f"{mode} resizing of whole numbers")
    if node.op == "Upsample" or node.version < 11:
        return Rule(mode, "asymmetric", "floor")
    rule = Rule(
        mode,
        str(node.attribute("coordinate_transformation_mode", "half_pixel")),
        str(node.attribute("nearest_mode", "round_prefer_floor")),
        float(node.attribute("cubic_coeff_a", -0.75)),
        bool(node.attribute("exclude_outside", 0)),
        bool(node.attribute("antialias", 0)) and mode != "nearest",
        str(node.attribute("keep_aspect_ratio_policy", "stretch")),
        float(node.attribute("extrapolation_value", 0.0)),
    )
    if rule.policy not in POLICIES:
        raise NotImplementedError(f"keep_aspect_ratio_policy {rule.policy!r}")
    # What the rule cannot do shows on any axis.
    interpolation(Extent(2, 1, 0.5), rule)
    return rule


def _check_corners(node: Node, scales: list[float]) -> None:
    """Refuse aligned corners with scales that leave a part of a pixel: runtimes disagree about where the last corner is."""
    shape, axes = node.shape(), node.attribute("axes")
    if shape is None:
        return
    for axis, scale in zip(range(len(shape)) if axes is None else axes, scales, strict=False):
        size = shape[axis]
        if (size is None and scale != round(scale)) or (size is not None and _is_partial(size, scale)):
            raise NotImplementedError(f"corners aligned after scaling {size or 'a number of'} pixels by {scale:g}")


def _is_partial(size: int, scale: float) -> bool:
    return size * scale - math.floor(size * scale) > 1e-3


def _resize(node: Node) -> Converted:
    rule = _rule(node)
    lists, names = numbers(node, 1, 2, 3)
    if rule.coordinates == "align_corners":
        if lists.computed[1]:
            raise NotImplementedError("aligned corners with computed scales")
        _check_corners(node, [float(scale) for scale in lists.lists[1] or []])
    if rule.coordinates == "tf_crop_and_resize" and not node.has_input(3):
        raise NotImplementedError("a crop that is scaled; only one that is resized to given sizes is supported")
    return Converted(Resampling(rule, node.attribute("axes"), lists), (node.inputs[0], *names))


def _upsample(node: Node) -> Converted:
    """Scales are an input since version 9 and for Resize-10, an attribute in 7, and two attributes before."""
    stated = node.attribute("scales")
    if node.op == "Upsample" and node.version < 7:
        stated = [1.0, 1.0, node.attribute("height_scale"), node.attribute("width_scale")]
    if stated is not None:
        return Converted(Resampling(_rule(node), None, fixed_numbers(None, stated, None)), node.inputs[:1])
    lists, names = numbers(node, len(node.inputs), 1, len(node.inputs))
    return Converted(Resampling(_rule(node), None, lists), (node.inputs[0], *names))


CONVERTERS: dict[str, Converter] = {
    "Resize": lambda node: (_resize if node.version >= 11 else _upsample)(node),
    "Upsample": _upsample,
}
