"""Pictures for a network that takes vectors: the order in which it was trained to flatten them, found by measurement.

PyTorch flattens channels first, Keras channels last, and the file does not tell. A wrong guess scrambles every image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from bnnaudit.core.errors import DataError
from bnnaudit.core.facts import Layout
from bnnaudit.core.target import Target
from bnnaudit.data import Sample
from bnnaudit.numerics.intervals import mcnemar_exact

SURE = 0.01
"""p-value of McNemar's test below which one order is taken for the right one. Not tuned: 8 images that only one gets right."""

NAMES = {Layout.NCHW: "channels first", Layout.NHWC: "channels last"}


def settle_flattening(
    target: Target, sample: Sample, model: str, reload: Callable[[Layout], Target]
) -> tuple[Target, Sample]:
    """The target that flattens the sample's pictures as the network was taught, and the sample with a note of how.

    Nothing changes for a network that takes pictures, for data that are vectors, for grey pictures, and where the order is
    stated. `reload` gives the target of an order. Raises DataError where the labels do not tell it.
    """
    if not _is_open(target, sample.images):
        return target, sample
    count = sample.images.shape[1]
    advice = (
        f"pictures of {count} channels for a network that takes {sample.images[0].numel()} values; say how its training "
        "flattened them: --layout nhwc (channels last, as Keras does) or --layout nchw (channels first, as PyTorch does)"
    )
    if sample.labels is None:
        raise DataError(f"{model}: {advice}")
    targets = {layout: reload(layout) for layout in NAMES}
    right = {layout: order.deployed(sample.images).argmax(1) == sample.labels for layout, order in targets.items()}
    best = max(right, key=lambda layout: int(right[layout].sum()))
    (other,) = set(right) - {best}
    only_best, only_other = int((right[best] & ~right[other]).sum()), int((right[other] & ~right[best]).sum())
    shares = f"{NAMES[best]}: {_share(right[best])} are right, {NAMES[other]}: {_share(right[other])}"
    if mcnemar_exact(only_best, only_other) >= SURE:
        raise DataError(f"{model}: {advice}; this sample does not tell ({shares})")
    return targets[best], replace(
        sample, facts=replace(sample.facts, source=f"{sample.facts.source} (flattened {shares})")
    )


def _is_open(target: Target, images: Tensor) -> bool:
    """Whether an image has several values in each of several channels, and the network a single axis for all of them."""
    if target.facts.layout is not Layout.FLAT or len(target.facts.input_shape) != 1 or images.dim() != 4:
        return False
    return images.shape[1] > 1 and images.shape[2] * images.shape[3] > 1


def _share(right: Tensor) -> str:
    return f"{100 * float(right.float().mean()):.1f} %"
