"""Resize and Upsample: each resized axis is multiplied by the matrix of its interpolation weights, as ONNX defines them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnnaudit.operators.conversion import Converted, Converter, Node


@dataclass(frozen=True, slots=True)
class Rule:
    """How output positions map to input positions, and which inputs they read."""

    mode: str = "nearest"
    coordinates: str = "half_pixel"
    nearest: str = "round_prefer_floor"
    cubic_a: float = -0.75
    exclude_outside: bool = False


class Resampling(nn.Module):
    """Resizes axes; for each axis either a target size or a scale is given."""

    def __init__(self, rule: Rule, scales: dict[int, float], sizes: dict[int, int]) -> None:
        super().__init__()
        self.rule = rule
        self.scales = scales
        self.sizes = sizes

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> the same number of axes."""
        for axis in dict.fromkeys((*self.scales, *self.sizes)):
            size = values.shape[axis]
            target = self.sizes.get(axis, int(np.floor(size * self.scales.get(axis, 1.0))))
            scale = self.scales.get(axis, target / size)
            if (target, scale) != (size, 1.0):
                values = _along(values, axis, interpolation(size, target, scale, self.rule), self.rule.mode)
        return values


def _along(values: Tensor, axis: int, weights: NDArray[np.float64], mode: str) -> Tensor:
    """values with one axis multiplied by weights (target, size); nearest only picks, so it is exact."""
    if mode == "nearest":
        return values.index_select(axis, torch.from_numpy(weights.argmax(axis=1)).to(values.device))
    matrix = torch.from_numpy(weights).to(values.dtype).to(values.device)
    return torch.movedim(torch.tensordot(values, matrix, dims=([axis], [1])), -1, axis)


def interpolation(size: int, target: int, scale: float, rule: Rule) -> NDArray[np.float64]:
    """The weights (target, size) of the input values for each output value of one axis (ONNX Resize)."""
    positions = _source_positions(size, target, scale, rule.coordinates)
    weights = np.zeros((target, size))
    if rule.mode == "nearest":
        weights[np.arange(target), np.clip(_nearest(positions, rule.nearest), 0, size - 1)] = 1
        return weights
    taps = range(2) if rule.mode == "linear" else range(-1, 3)
    floor = np.floor(positions).astype(int)
    for tap in taps:
        index = floor + tap
        weight = _kernel(np.abs(positions - index), rule)
        if rule.exclude_outside:
            weight = np.where((index < 0) | (index >= size), 0.0, weight)
        np.add.at(weights, (np.arange(target), np.clip(index, 0, size - 1)), weight)
    return weights / weights.sum(axis=1, keepdims=True) if rule.exclude_outside else weights


def _kernel(distance: NDArray[np.float64], rule: Rule) -> NDArray[np.float64]:
    """The weight of an input value at a distance (in input pixels): a triangle, or Keys' cubic with parameter a."""
    if rule.mode == "linear":
        return np.clip(1 - distance, 0, 1)
    a, d = rule.cubic_a, distance
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _source_positions(size: int, target: int, scale: float, coordinates: str) -> NDArray[np.float64]:
    """Where each output value lies on the input's axis."""
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
    if mode not in ("nearest", "linear", "cubic"):
        raise NotImplementedError(f"resizing mode {mode!r}")
    if node.attribute("antialias", 0):
        raise NotImplementedError("antialiased resizing")
    if node.op == "Upsample" or node.version < 11:
        return Rule(mode, "asymmetric", "floor")
    return Rule(
        mode,
        str(node.attribute("coordinate_transformation_mode", "half_pixel")),
        str(node.attribute("nearest_mode", "round_prefer_floor")),
        float(node.attribute("cubic_coeff_a", -0.75)),
        bool(node.attribute("exclude_outside", 0)),
    )


def _resize(node: Node) -> Converted:
    old = node.op == "Upsample" or node.version < 11
    if str(node.attribute("keep_aspect_ratio_policy", "stretch")) != "stretch":
        raise NotImplementedError("keep_aspect_ratio_policy")
    stated = node.attribute("scales")
    array = np.asarray(stated) if stated is not None else node.constant(1 if old else 2)
    scales = [] if array is None else [float(value) for value in array.ravel()]
    sizes = [] if old else node.integers(3) or []
    axes = node.attribute("axes") or list(range(len(scales or sizes)))
    by_scale = {axis: scale for axis, scale in zip(axes, scales, strict=True) if scale != 1} if scales else {}
    by_size = dict(zip(axes, sizes, strict=True)) if sizes else {}
    return Converted(Resampling(_rule(node), by_scale, {} if scales else by_size), node.inputs[:1])


CONVERTERS: dict[str, Converter] = {"Resize": _resize, "Upsample": _resize}
