"""Other ways to feed the images to the deployed model: ranges, normalisations, colours, axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bnnaudit.core.facts import ChannelOrder, Layout
from bnnaudit.core.sample_fit import Alternative, FeedingFit
from bnnaudit.core.target import Preparation, Target
from bnnaudit.core.threat import Box
from bnnaudit.measurements.label_fit import held_against

TRIED_ON = 100
"""Images at most: enough for ten points to be significant among thirty ways, and about a pass of the ordinary attack."""
NARROW = 0.9
"""Of the input range: values that span less may be in other units than the data say."""
UNITS = Box()
PIXELS = Box(0.0, 255.0)
RANGES = (UNITS, PIXELS, Box(-1.0, 1.0), Box(-128.0, 127.0))
COLOURS = 3
NORMALISATIONS: tuple[tuple[str, tuple[float, ...], tuple[float, ...]], ...] = (
    ("ImageNet's mean and std", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ("CIFAR-10's mean and std", (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    ("CIFAR-100's mean and std", (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    ("MNIST's mean and std", (0.1307,), (0.3081,)),
    ("FashionMNIST's mean and std", (0.2860,), (0.3530,)),
)
"""As torchvision's and PyTorch's own examples have them, in units of the [0,1] image."""
CAFFE = (103.939, 116.779, 123.68)
"""Means of ImageNet in blue, green, red, as networks from Caffe and some of Keras take them."""
STORED = "store the data flattened so"


@dataclass(frozen=True, slots=True)
class Feed:
    """A way to feed the network. turned: a step on images in the unit box before it; empty `flags`: the data must change."""

    what: str
    remedy: str
    box: Box
    prepare: Preparation
    turned: Callable[[Tensor], Tensor] | None = None

    def images(self, target: Target, units: Tensor) -> Tensor:
        """What `target` must be given so that its network sees the unit images (N, ...) fed in this way."""
        turned = units if self.turned is None else self.turned(units)
        return target.prepare.restored(self.prepare.normalised(turned * self.box.width + self.box.low))


def measure_feeding(target: Target, images: Tensor, labels: Tensor) -> FeedingFit:
    """Tries the likely ways on the first images (N, C, H, W) or (N, features) in the target's range, with labels (N,).

    Ranges and normalisations are tried in both orders of colours; turned axes and the like with the given values, and with
    the best of the others.
    """
    chosen, true = images[:TRIED_ON], labels[:TRIED_ON].cpu()
    right = target.deployed(chosen).argmax(dim=1) == true
    box = target.facts.box
    units = (chosen - box.low) / box.width

    def tried(feed: Feed) -> Alternative:
        answers = target.deployed(feed.images(target, units)).argmax(dim=1)
        return held_against(right.numpy(), answers.numpy(), true.numpy(), feed.what, feed.remedy)

    given = Feed("", "", box, target.prepare)
    ways = list(other_values(given, units))
    values = [tried(feed) for feed in ways]
    best = max(range(len(ways)), key=lambda index: values[index].right - values[index].by_chance)
    turned = [tried(feed) for start in (given, ways[best]) for feed in turnings(start, units)]
    return FeedingFit(len(chosen), int(right.sum()), (*values, *turned))


def other_values(given: Feed, units: Tensor) -> Iterator[Feed]:
    """Ranges, normalisations and orders of colours that give the network other values than it is given now."""
    channels = units.shape[1] if units.dim() == 4 else 1
    seen = [given]
    for feed in _likely_values(given, units, channels):
        if not any(_same_values(feed, other, channels) for other in seen):
            seen.append(feed)
            yield feed


def _likely_values(given: Feed, units: Tensor, channels: int) -> Iterator[Feed]:
    own = given.prepare.channels
    orders = (own, *(order for order in ChannelOrder if order is not own)) if channels == COLOURS else (own,)
    mean, std = _moments(units)
    for order in orders:
        if order is not own:
            what, remedy = f"colours in the order {order.upper()}", f"give --channels {order}"
            yield replace(given, what=what, remedy=remedy, prepare=replace(given.prepare, channels=order))
        plain = replace(given.prepare, mean=(), std=(), channels=order)
        for box in RANGES:
            yield _stated(f"values from {box.low:g} to {box.high:g}", box, plain, given.prepare)
        for name, *moments in (*NORMALISATIONS, ("the sample's own mean and std", mean, std)):
            if len(moments[0]) == channels:
                # Of red, green and blue.
                mean_of, std_of = (each[::-1] if order is ChannelOrder.BGR else each for each in moments)
                yield _stated(name, UNITS, replace(plain, mean=mean_of, std=std_of), given.prepare)
    if channels == COLOURS:
        caffe = replace(given.prepare, mean=CAFFE, std=(1.0,) * COLOURS, channels=ChannelOrder.BGR)
        yield _stated("Caffe's means", PIXELS, caffe, given.prepare)


def _stated(what: str, box: Box, prepare: Preparation, given: Preparation) -> Feed:
    """A way to feed with the options that state it; its order of colours is mentioned unless it is given and the usual one."""
    flags = f"give --input-range {box.low:g},{box.high:g}"
    if prepare.mean:
        mean, std = (",".join(f"{value:g}" for value in values) for values in (prepare.mean, prepare.std))
        flags += f" --mean {mean} --std {std}"
    elif given.mean or given.std:
        flags += " --mean 0 --std 1"
    order = prepare.channels
    if order is given.channels is ChannelOrder.RGB:
        return Feed(what, flags, box, prepare)
    return Feed(f"{what} in the order {order.upper()}", f"{flags} --channels {order}", box, prepare)


def _moments(units: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all images, to four digits; of everything for vectors."""
    axes = (0, 2, 3) if units.dim() == 4 else (0, 1)
    mean, std = units.mean(dim=axes).reshape(-1).tolist(), units.std(dim=axes).reshape(-1).tolist()
    return tuple(round(value, 4) for value in mean), tuple(max(1e-4, round(value, 4)) for value in std)


def turnings(start: Feed, units: Tensor) -> Iterator[Feed]:
    """Other axes and units of the data, on top of a way to feed."""

    def turned(what: str, remedy: str, how: Callable[[Tensor], Tensor]) -> Feed:
        joined = (f"{start.what}, {what}", f"{start.remedy}, and {remedy}") if start.what else (what, remedy)
        return replace(start, what=joined[0], remedy=joined[1], turned=how)

    low, high = float(units.min()), float(units.max())
    if 0 < high - low < NARROW:
        stretch = f"values stretched from {low:.3g}..{high:.3g} of the range to the whole of it"
        yield turned(
            stretch, "state the units of the data as input_range in the .npz", lambda x: (x - low) / (high - low)
        )
    yield turned("values inverted", "store the data with black and white swapped", lambda x: 1 - x)
    for what, remedy, how in _other_axes(units.shape[1:], start.prepare):
        yield turned(what, remedy, how)


def _other_axes(shape: Sequence[int], prepare: Preparation) -> Iterator[tuple[str, str, Callable[[Tensor], Tensor]]]:
    """Steps on images of `shape` that give the network the same values in another order; of vectors, as if of pictures."""
    sizes = tuple(shape) if len(shape) == 3 else _square_picture(shape[0])
    if sizes is None:
        return
    channels, height, width = sizes
    flat = len(shape) == 1

    def of_pictures(how: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda images: how(images.reshape(len(images), *sizes)).reshape(images.shape)

    if height == width and not (flat and channels > 1):
        swapped = of_pictures(lambda x: x.transpose(2, 3))
        yield "height and width swapped", "store the data with these axes swapped", swapped
    if len(prepare.input_shape) > 1 or channels == 1:
        return
    if flat or prepare.layout is not Layout.NHWC:
        last = of_pictures(lambda x: x.permute(0, 2, 3, 1).reshape(x.shape))
        yield "pixels flattened with the colours last", STORED if flat else "give --layout nhwc", last
    if flat or prepare.layout is Layout.NHWC:
        first = of_pictures(lambda x: x.reshape(len(x), height, width, channels).permute(0, 3, 1, 2))
        yield "pixels flattened with the colours first", STORED if flat else "give --layout nchw", first


def _square_picture(features: int) -> tuple[int, int, int] | None:
    """(C, H, W) of the square picture, grey or coloured, that has so many values; None where there is none."""
    for channels in (1, COLOURS):
        side = math.isqrt(features // channels)
        if channels * side * side == features:
            return channels, side, side
    return None


def _same_values(one: Feed, other: Feed, channels: int) -> bool:
    """Whether black and white become the same in each channel, in the same order of colours."""
    first, second = (
        feed.prepare.normalised(
            torch.linspace(feed.box.low, feed.box.high, 2).view(2, 1, 1, 1).expand(2, channels, 1, 1)
        )
        for feed in (one, other)
    )
    return one.prepare.channels is other.prepare.channels and torch.allclose(first, second, rtol=1e-3, atol=1e-3)
