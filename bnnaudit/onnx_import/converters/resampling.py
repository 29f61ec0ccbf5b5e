"""Resize and Upsample: each resized axis is multiplied by the matrix of its interpolation weights, as ONNX defines them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnnaudit.core.file_limits import LARGEST_MATRIX
from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.graph import FLOATS
from bnnaudit.onnx_import.operands import call, fixed_numbers, numbers

REACH = {"linear": 1, "cubic": 2}
"""How far from an output value the inputs lie that it reads, in input pixels."""

NEAREST: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "round_prefer_floor": lambda positions: np.ceil(positions - 0.5),
    "round_prefer_ceil": lambda positions: np.floor(positions + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}

POLICIES = ("stretch", "not_larger", "not_smaller")


@dataclass(frozen=True, slots=True)
class Interpolation:
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


def resample(
    values: Tensor,
    parts: list[float] | None,
    scales: list[float] | None,
    sizes: list[float] | None,
    method: Interpolation,
    axes: list[int] | None,
) -> Tensor:
    """(...) -> the same number of axes, which get target sizes, or are scaled.

    axes: those that the lists are for, all of them where None. parts: what to show (starts, then ends). A size of 0 keeps
    the axis.
    """
    axes = [axis % values.dim() for axis in (range(values.dim()) if axes is None else axes)]
    lengths = [values.shape[axis] for axis in axes]
    targets, factors = _targets(lengths, scales or None, sizes or None, method)
    crop = method.coordinates == "tf_crop_and_resize"
    starts = parts[: len(axes)] if crop and parts else [0.0] * len(axes)
    ends = parts[len(axes) :] if crop and parts else [1.0] * len(axes)
    for axis, *entry in zip(axes, lengths, targets, factors, starts, ends, strict=True):
        extent = Extent(*entry)
        if extent != Extent(extent.size, extent.size, 1.0):
            values = _along(values, axis, extent, method)
    return values


def _targets(
    lengths: list[int], scales: list[float] | None, sizes: list[float] | None, method: Interpolation
) -> tuple[list[int], list[float]]:
    """The output length of each axis, and its scale."""
    if sizes is None:
        factors = [float(scale) for scale in scales or [1.0] * len(lengths)]
        return [int(np.floor(length * factor)) for length, factor in zip(lengths, factors, strict=True)], factors
    wanted = [int(size) or length for size, length in zip(sizes, lengths, strict=True)]
    ratios = [target / length for target, length in zip(wanted, lengths, strict=True)]
    if method.policy == "stretch":
        return wanted, ratios
    ratio = min(ratios) if method.policy == "not_larger" else max(ratios)
    return [int(np.floor(ratio * length + 0.5)) for length in lengths], [ratio] * len(lengths)


def _along(values: Tensor, axis: int, extent: Extent, method: Interpolation) -> Tensor:
    """values with one axis resampled; nearest only picks, so it is exact."""
    weights = interpolation_weights(extent, method)
    if method.mode == "nearest":
        resampled = values.index_select(axis, torch.from_numpy(weights.argmax(axis=1)).to(values.device))
    else:
        matrix = torch.from_numpy(weights).to(values.dtype).to(values.device)
        resampled = torch.movedim(torch.tensordot(values, matrix, dims=([axis], [1])), -1, axis)
    if method.coordinates != "tf_crop_and_resize":
        return resampled
    positions = _source_positions(extent, method.coordinates)
    outside = torch.from_numpy((positions < 0) | (positions > extent.size - 1)).to(values.device)
    return resampled.masked_fill(outside.reshape(-1, *[1] * (values.dim() - axis - 1)), method.outside)


def interpolation_weights(extent: Extent, method: Interpolation) -> NDArray[np.float64]:
    """The weights (target, size) of the input values for each output value of one axis (ONNX Resize)."""
    size, target = extent.size, extent.target
    if LARGEST_MATRIX.exceeded_by(size * target):
        what = f"an axis of {size} resampled to {target} by {size * target:,} weights"
        raise NotImplementedError(LARGEST_MATRIX.refused(what))
    positions = _source_positions(extent, method.coordinates)
    weights = np.zeros((target, size))
    if method.mode == "nearest":
        weights[np.arange(target), np.clip(NEAREST[method.nearest](positions).astype(np.int64), 0, size - 1)] = 1
        return weights
    # Antialiasing widens the kernel where the image shrinks, so that every input value is read.
    narrowing = min(extent.scale, 1.0) if method.antialias else 1.0
    reach = int(np.ceil(REACH[method.mode] / narrowing))
    index = np.floor(positions).astype(int)[:, None] + np.arange(-reach + 1, reach + 1)
    weight = _kernel(np.abs(positions[:, None] - index) * narrowing, method)
    if method.antialias:
        weight /= weight.sum(axis=1, keepdims=True)
    if method.exclude_outside:
        weight = np.where((index < 0) | (index >= size), 0.0, weight)
        weight /= weight.sum(axis=1, keepdims=True)
    np.add.at(weights, (np.arange(target)[:, None], np.clip(index, 0, size - 1)), weight)
    return weights


def _kernel(distance: NDArray[np.float64], method: Interpolation) -> NDArray[np.float64]:
    """The weight of an input value at a distance (in input pixels): a triangle, or Keys' cubic with parameter a."""
    if method.mode == "linear":
        return np.clip(1 - distance, 0, 1)
    a, d = method.cubic_a, distance
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


def _method(node: Node) -> Interpolation:
    mode = str(node.attribute("mode", "nearest"))
    mode = "linear" if mode == "bilinear" else mode
    if mode != "nearest" and mode not in REACH:
        raise NotImplementedError(f"resizing mode {mode!r}")
    if mode != "nearest" and node.element_type() not in (0, *FLOATS):
        raise NotImplementedError(f"{mode} resizing of whole numbers")
    if node.op == "Upsample" or node.version < 11:
        return Interpolation(mode, "asymmetric", "floor")
    method = Interpolation(
        mode,
        str(node.attribute("coordinate_transformation_mode", "half_pixel")),
        str(node.attribute("nearest_mode", "round_prefer_floor")),
        float(node.attribute("cubic_coeff_a", -0.75)),
        bool(node.attribute("exclude_outside", 0)),
        bool(node.attribute("antialias", 0)) and mode != "nearest",
        str(node.attribute("keep_aspect_ratio_policy", "stretch")),
        float(node.attribute("extrapolation_value", 0.0)),
    )
    if mode == "nearest" and method.nearest not in NEAREST:
        raise NotImplementedError(f"nearest mode {method.nearest!r}")
    if method.policy not in POLICIES:
        raise NotImplementedError(f"keep_aspect_ratio_policy {method.policy!r}")
    # What the method cannot do shows on any axis.
    interpolation_weights(Extent(2, 1, 0.5), method)
    return method


def _check_corners(node: Node, scales: list[float]) -> None:
    """Refuse aligned corners with scales that leave a part of a pixel: runtimes disagree about where the last corner is."""
    shape, axes = node.shape(), node.attribute("axes")
    if shape is None:
        return
    for axis, scale in zip(range(len(shape)) if axes is None else axes, scales, strict=False):
        size = shape[axis]
        if (scale != round(scale)) if size is None else (size * scale - math.floor(size * scale) > 1e-3):
            raise NotImplementedError(f"corners aligned after scaling {size or 'a number of'} pixels by {scale:g}")


def resize(node: Node) -> Converted:
    """Resize-10 to 19."""
    if node.version < 11:
        return upsample(node)
    method = _method(node)
    if method.coordinates == "align_corners":
        if node.has_input(2) and not node.is_constant(2):
            raise NotImplementedError("aligned corners with computed scales")
        scales = node.constant(2)
        _check_corners(node, [] if scales is None else scales.ravel().tolist())
    if method.coordinates == "tf_crop_and_resize" and not node.has_input(3):
        raise NotImplementedError("a crop that is scaled; only one that is resized to given sizes is supported")
    return call(
        resample, node.inputs[:1], numbers(node, 1, 2, 3, number=float), method=method, axes=node.attribute("axes")
    )


def upsample(node: Node) -> Converted:
    """Upsample-1 to 10: scales are an input since version 9 and for Resize-10, an attribute in 7, and two before."""
    stated = node.attribute("scales")
    if node.op == "Upsample" and node.version < 7:
        stated = [1.0, 1.0, node.attribute("height_scale"), node.attribute("width_scale")]
    if stated is None:
        given = numbers(node, len(node.inputs), 1, len(node.inputs), number=float)
    else:
        given = fixed_numbers(None, stated, None, number=float)
    return call(resample, node.inputs[:1], given, method=_method(node), axes=None)
