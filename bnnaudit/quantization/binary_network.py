"""A network of signs as numbers: the affine maps between its steps, for methods that reason about them.

The maps are measured, not parsed: a value is put in place of a step's result, and what arrives at the next step is read
off, in float64. So batch normalisations, biases, reshapes, convolutions and whatever else is affine fold into one matrix a
layer, of whatever format the network came from; and the result is held against the network before it is believed.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnnaudit.core.errors import UsageError
from bnnaudit.core.target import Target
from bnnaudit.quantization.integer_input import without_input_rounding
from bnnaudit.quantization.quantizers import BinarySign, Quantizer, named_quantizers
from bnnaudit.quantization.step_hooks import removing

Array = NDArray[np.float64]

MOST_WEIGHTS = 1 << 24
"""Of all layers together, as dense matrices: 128 MiB."""
CHUNK = 1024
"""Values put in place at once."""
PROBES = 32
"""Random images and random units on which the measured maps are held against the network."""
AFFINE = 1e-9
"""How far an affine map may be off in float64, relative to the largest value that it gives."""
CLEAR = 1e-4
"""A sum further than this from its threshold, relative to its row's largest weight, has its sign in float32 as well."""


@dataclass(frozen=True, slots=True)
class BinaryLayer:
    """A layer of r units over n inputs: unit j is +1 where weights[j] @ inputs + bias[j] >= 0 (> 0 where strict), else -1.

    weights (r, n), bias (r,), each row scaled so that its largest weight is 1 in size.
    """

    weights: Array
    bias: Array
    strict: bool = False

    def sums(self, inputs: Array) -> Array:
        """What decides the units: (N, n) -> (N, r)."""
        return np.asarray(inputs @ self.weights.T + self.bias)

    def units(self, inputs: Array) -> Array:
        """-1 and +1: (N, n) -> (N, r)."""
        sums = self.sums(inputs)
        return np.where(sums > 0 if self.strict else sums >= 0, 1.0, -1.0)


@dataclass(frozen=True, slots=True)
class BinaryNetwork:
    """Hidden layers from the flattened image to the last binary activations, and the logits of these.

    weights (d, r), bias (d,): logits = weights @ units + bias, in the network's own scale.
    """

    layers: tuple[BinaryLayer, ...]
    weights: Array
    bias: Array

    def activations(self, images: Array) -> list[Array]:
        """The units (N, r) of each layer for flattened images (N, n)."""
        found = []
        for layer in self.layers:
            images = layer.units(images)
            found.append(images)
        return found

    def logits(self, images: Array) -> Array:
        """(N, n) -> (N, d)."""
        return np.asarray(self.activations(images)[-1] @ self.weights.T + self.bias)

    def clearance(self, images: Array) -> Array:
        """The smallest distance of any sum from its threshold (N,), each in units of its row's largest weight."""
        nearest, inputs = np.full(len(images), np.inf), images
        for layer in self.layers:
            sums = np.abs(layer.sums(inputs))
            nearest, inputs = np.minimum(nearest, sums.min(axis=1)), layer.units(inputs)
        return nearest


@torch.no_grad()
def read_binary_network(target: Target, image_shape: tuple[int, ...], user: str) -> BinaryNetwork:
    """The binary network that a target is, over flattened images (*image_shape) in its range.

    Raises UsageError, naming `user`, for any other: its steps must be two-valued signs, each of which feeds the next one
    through an affine map and by that way alone.
    """
    target = without_input_rounding(target)
    network = copy.deepcopy(target.network).double()
    steps = _signs(target, network, user)
    run = _Run(target, network, steps, image_shape)
    sizes = run.sizes(user)
    if sum(before * after for before, after in pairwise(sizes)) > MOST_WEIGHTS:
        raise UsageError(f"method: {user} is for small networks; the layers of this one have {max(sizes)} values")
    maps = [_measured(run, index, size) for index, size in enumerate(sizes[:-1])]
    if not all(_is_affine(run, index, *found) for index, found in enumerate(maps)):
        raise UsageError(f"method: {user} needs a network that is affine between its signs")
    layers = (_layer(*found, step) for found, step in zip(maps, steps, strict=False))
    result = BinaryNetwork(tuple(layers), *maps[-1])
    if not _agrees(target, result, image_shape):
        raise UsageError(f"method: {user} needs a network whose signs follow one another, without paths around them")
    return result


@dataclass(frozen=True, slots=True)
class _Run:
    """Runs the float64 copy with values of one's own in place of the image or of a step's result."""

    target: Target
    network: nn.Module
    steps: list[BinarySign]
    image_shape: tuple[int, ...]

    def __call__(self, index: int, values: Tensor) -> tuple[list[Tensor], Tensor]:
        """What each step is given (N, r), flattened, and the logits (N, d).

        values (N, n): images where `index` is 0, else results of step `index` - 1, flattened.
        """
        images = values if index == 0 else self._blank(len(values))
        given: list[Tensor] = []
        with _watched(self.steps, given, {index - 1: values} if index else {}):
            prepared = self.target.prepare(images.reshape(len(values), *self.image_shape))
            logits: Tensor = self.network(prepared)
        return given, logits

    def after(self, index: int, values: Array) -> Array:
        """What the next step (after the last one, the logits) gets of these values: (N, n) -> (N, r)."""
        parts = []
        for part in torch.split(torch.from_numpy(values).to(self.target.device), CHUNK):
            given, logits = self(index, part)
            parts.append(logits if index == len(self.steps) else given[index])
        return torch.cat(parts).cpu().numpy()

    def sizes(self, user: str) -> list[int]:
        """The number of values of the image, of each step's result, and of the logits.

        Raises UsageError for a network that runs a batch of its own size, into which no other can be put.
        """
        given, logits = self(0, self._blank(1))
        if any(len(values) != 1 for values in given):
            raise UsageError(f"method: {user} needs a network that takes any number of images")
        return [math.prod(self.image_shape), *(values.shape[1] for values in given), logits.shape[1]]

    def levels(self, index: int) -> tuple[float, float]:
        """The lowest and the highest value that enters map `index`: the box's ends for the image."""
        box = self.target.facts.box
        return (box.low, box.high) if index == 0 else self.steps[index - 1].levels

    def _blank(self, count: int) -> Tensor:
        shape = (count, math.prod(self.image_shape))
        return torch.full(shape, self.target.facts.box.low, dtype=torch.float64, device=self.target.device)


@contextmanager
def _watched(steps: list[BinarySign], given: list[Tensor], replaced: Mapping[int, Tensor]) -> Iterator[None]:
    """Notes what the steps are given, and puts `replaced` in place of the results of some."""

    def note(step: nn.Module, arguments: tuple[Any, ...], result: Tensor) -> Tensor:
        index = len(given)
        given.append(arguments[0].flatten(1))
        return replaced[index].to(result.dtype).view_as(result) if index in replaced else result

    with removing([step.register_forward_hook(note) for step in steps]):
        yield


def _signs(target: Target, network: nn.Module, user: str) -> list[BinarySign]:
    """The network's signs in the order in which they run; UsageError for other steps, or none."""
    steps: list[Quantizer] = [step for _, step in named_quantizers(network)]
    kinds = ", ".join(sorted({quantizer.op for quantizer in target.facts.quantizers}))
    if not steps or len(steps) != len(target.facts.quantizers):
        found = f"has steps in code of its own ({kinds})" if kinds else "has none"
        raise UsageError(f"method: {user} needs a network with binary activations; this one {found}")
    signs = [step for step in steps if isinstance(step, BinarySign)]
    if len(signs) < len(steps):
        raise UsageError(
            f"method: {user} needs a network whose only steps are signs of two values; this one has {kinds}"
        )
    order: list[BinarySign] = []
    handles = [step.register_forward_pre_hook(lambda module, _: order.append(module)) for step in signs]
    shape, box = target.facts.input_shape, target.facts.box
    try:
        with removing(handles):
            network(torch.full((1, *shape), box.low, dtype=torch.float64, device=target.device))
    except RuntimeError as error:
        raise UsageError(f"method: {user} cannot run this network in float64") from error
    if len(order) != len(signs) or len(set(map(id, order))) != len(signs):
        raise UsageError(f"method: {user} needs a network that runs each of its signs once")
    return order


def _measured(run: _Run, index: int, size: int) -> tuple[Array, Array]:
    """The affine map into step `index` over the image in its range, or over units of -1 and +1: weights (r, n), bias (r,).

    Each input in turn is at its highest value while the others are at their lowest.
    """
    low, high = run.levels(index)
    at_low = run.after(index, np.full((1, size), low))[0]
    columns = []
    for start in range(0, size, CHUNK):
        raised = np.full((min(CHUNK, size - start), size), low)
        np.fill_diagonal(raised[:, start:], high)
        columns.append(run.after(index, raised) - at_low)
    changes = np.concatenate(columns).T
    if index == 0:
        weights = changes / (high - low)
        return weights, at_low - weights.sum(axis=1) * low
    return changes / 2, at_low + changes.sum(axis=1) / 2


def _is_affine(run: _Run, index: int, weights: Array, bias: Array) -> bool:
    """Whether a measured map gives what the network gives, on random images or random units."""
    generator, (low, high) = np.random.default_rng(index), run.levels(index)
    shape = (PROBES, weights.shape[1])
    inputs = generator.uniform(low, high, shape) if index == 0 else generator.choice([-1.0, 1.0], shape)
    values = inputs if index == 0 else np.where(inputs > 0, high, low)
    given = run.after(index, values)
    return bool(np.abs(inputs @ weights.T + bias - given).max() <= AFFINE * max(1.0, np.abs(given).max()))


def _layer(weights: Array, bias: Array, step: BinarySign) -> BinaryLayer:
    """The layer before a step, its rows scaled to largest weight 1 and the step's threshold inside the bias."""
    scales = np.abs(weights).max(axis=1, initial=0.0)
    scales = np.where(scales > 0, scales, 1.0)
    return BinaryLayer(weights / scales[:, None], (bias - step.threshold) / scales, step.strict)


def _agrees(target: Target, network: BinaryNetwork, image_shape: tuple[int, ...]) -> bool:
    """Whether both give the same logits, the network in its own float32, on random images clear of every threshold."""
    box = target.facts.box
    noise = np.random.default_rng(0).uniform(box.low, box.high, (PROBES, math.prod(image_shape))).astype(np.float32)
    clear = network.clearance(noise.astype(np.float64)) > CLEAR * box.width
    images = torch.from_numpy(noise[clear]).to(target.device).view(-1, *image_shape)
    given = target.logits(images).double().cpu().numpy()
    ours = network.logits(noise[clear].astype(np.float64))
    return bool(np.abs(ours - given).max(initial=0.0) <= CLEAR * max(1.0, np.abs(given).max(initial=0.0)))
