"""The quantizer that an image meets first: which levels it gives each pixel, and where the thresholds between them lie.

A network that quantizes its input to few levels knows an image by these levels alone. Whether a network is one, and where
its thresholds are, is measured on its forward pass: operators and their names play no part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, log2

import torch
from torch import Tensor

from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box
from bnnaudit.quantization.step_hooks import StepTaken, step_hook

MOST_LEVELS = 16
"""Quantizers that cut the box into more levels, of more than 4 bits, are left to the gradient. Not tuned."""
FEW = 2 * MOST_LEVELS + 1
"""Constant images that tell a fine quantizer at once: 256 levels change between all of them. Scanned in full, an 8-bit input of
224 x 224 pixels takes a minute and 2 GB only to be given up."""
SCAN = 511
"""Constant images that look for thresholds: every 8-bit pixel value and the middle between each two."""
MIXTURES = 8
"""Random mixtures of two images on which the quantizer must turn out to see each pixel by itself. Not tuned."""
EQUAL = 1e-5
"""Relative difference of logits that the rounding of sums explains: some 80 roundings of float32."""


@dataclass(frozen=True, slots=True, eq=False)
class InputLevels:
    """What the first quantizer makes of each of P pixels, alone and whatever the image.

    step: its place among the steps that a forward pass shows to `step_hook`; it has E results an image. owned (P, K) int64:
    the results that hang on a pixel, filled up with E. starts, ends (P, L) float: the first and last number of each of a
    pixel's at most L levels inside the box, in rising order; past the last one they are inf and -inf. codes (P, L, K): the
    results at each level.
    """

    step: int
    owned: Tensor
    starts: Tensor
    ends: Tensor
    codes: Tensor

    def levels_of(self, images: Tensor) -> Tensor:
        """images (N, ...) inside the box -> the level of each pixel (N, P) int64."""
        values = images.flatten(1)
        return (values[:, :, None] >= self.starts).sum(dim=2) - 1


def find_input_levels(target: Target, images: Tensor, box: Box, batch_size: int = 256) -> InputLevels | None:
    """The first quantizer of the network, if it alone stands between image and logits and has few levels; None otherwise.

    images (N, ...): some in `box`, for the check that nothing else of an image matters. Costs some 600 forward passes as
    far as the quantizer, and a few whole ones.
    """
    if len(images) == 0:
        return None
    probe = _Probe(target, images[:MIXTURES], box, batch_size)
    for step, owner in reversed(_pixelwise_steps(probe)):
        if _is_fine(probe, step, owner) or not _decides_alone(probe, step, owner):
            continue
        levels = _measured(probe, step, owner)
        if levels is not None and _predicts(levels, probe):
            return levels
    return None


class _SeenEnoughError(Exception):
    """Ends a forward pass behind the step that was to be seen."""


@contextmanager
def shown_steps(look: Callable[[int, StepTaken], None]) -> Iterator[None]:
    """Inside it `look` is given every step that depends on the image, and its place among these."""
    place = 0

    def watcher(step: StepTaken) -> None:
        nonlocal place
        if step.result.requires_grad:
            look(place, step)
            place += 1

    with torch.enable_grad(), step_hook(watcher):
        yield


@dataclass(frozen=True, slots=True, eq=False)
class _Probe:
    """The network, and how to look at what its steps make of images."""

    target: Target
    images: Tensor
    box: Box
    batch_size: int

    @property
    def pixels(self) -> int:
        return self.images[0].numel()

    def until(self, images: Tensor, look: Callable[[int, StepTaken], bool]) -> None:
        """Runs images (N, ...) through the network until `look` has seen enough, which it says by True."""

        def ended(place: int, step: StepTaken) -> None:
            if look(place, step):
                raise _SeenEnoughError

        try:
            with shown_steps(ended):
                self.target.logits(images.detach().requires_grad_())
        except _SeenEnoughError:
            pass

    def results(self, pixels: Tensor, step: int) -> Tensor:
        """pixels (N, P) -> the results (N, E) of the step at this place."""
        parts: list[Tensor] = []

        def look(place: int, taken: StepTaken) -> bool:
            if place == step:
                parts.append(taken.result.detach().flatten(1))
            return place == step

        for part in torch.split(pixels, self.batch_size):
            self.until(part.view(-1, *self.images.shape[1:]), look)
        return torch.cat(parts)

    def logits(self, pixels: Tensor) -> Tensor:
        """pixels (N, P) -> (N, d)."""
        with torch.no_grad():
            return self.target.logits(pixels.view(-1, *self.images.shape[1:]))

    def constant(self, values: Tensor) -> Tensor:
        """Values (V,) -> images (V, P) of that one value each."""
        return values[:, None].expand(-1, self.pixels).contiguous()

    def noise(self, count: int) -> Tensor:
        """Images (count, P) of uniform noise in the box, always the same."""
        generator = torch.Generator().manual_seed(0)
        draws = torch.rand(count, self.pixels, generator=generator).to(self.images)
        return draws * self.box.width + self.box.low


def _pixelwise_steps(probe: _Probe) -> list[tuple[int, Tensor]]:
    """The leading steps that see each pixel by itself: their places, and which pixel each result hangs on (E,), -1: on none.

    A result's pixel is read off in binary: image number b differs from a dark image in the pixels whose number has bit b.
    Random mixtures of two images then have to give each result as its pixel's own image does.
    """
    pixels, device = probe.pixels, probe.images.device
    bits = max(1, ceil(log2(pixels)))
    dark, bright = probe.constant(torch.tensor([probe.box.low, probe.box.high]).to(probe.images))
    marked = (torch.arange(pixels, device=device) >> torch.arange(bits, device=device)[:, None]) & 1 > 0
    first, second, draws = probe.noise(MIXTURES), probe.noise(2 * MIXTURES)[MIXTURES:], probe.noise(3 * MIXTURES)
    mixed = draws[2 * MIXTURES :] < (probe.box.low + probe.box.high) / 2
    rows = [dark[None], bright[None], torch.where(marked, bright, dark), first, second]
    found: list[tuple[int, Tensor]] = []

    def look(place: int, step: StepTaken) -> bool:
        results = step.result.detach()
        if len(results) != 2 + bits + 3 * MIXTURES:
            return True
        parts = torch.split(results.flatten(1), [1, 1, bits, MIXTURES, MIXTURES, MIXTURES])
        low, high, coded, one, other, both = parts
        owner = ((coded != low) * (1 << torch.arange(bits, device=device))[:, None]).sum(dim=0)
        alive = (low != high)[0]
        owner = torch.where(alive & (owner < pixels), owner, -1)
        expected = torch.where(mixed[:, owner.clamp_min(0)], one, other)
        expected = torch.where(owner >= 0, expected, low)
        same_everywhere = torch.where(owner >= 0, one, low)
        if not (torch.equal(expected, both) and torch.equal(same_everywhere, one) and bool(alive.any())):
            return True
        found.append((place, owner))
        return False

    probe.until(torch.cat([*rows, torch.where(mixed, first, second)]).view(-1, *probe.images.shape[1:]), look)
    return found


def _is_fine(probe: _Probe, step: int, owner: Tensor) -> bool:
    """Whether some pixel is seen to have more than MOST_LEVELS levels: each change between two constant images is a threshold."""
    values = torch.linspace(probe.box.low, probe.box.high, FEW, dtype=torch.float64).to(probe.images)
    results = probe.results(probe.constant(values), step)
    changes = _differing(results[1:] != results[:-1], owner, probe.pixels)
    return bool((changes.sum(dim=0) >= MOST_LEVELS).any())


def _decides_alone(probe: _Probe, step: int, owner: Tensor) -> bool:
    """Whether images that the step cannot tell apart have the same logits.

    Every pixel of an image is replaced by that of another wherever the step's results stay as they are.
    """
    own = probe.images.flatten(1)
    ours = torch.cat([own, probe.noise(MIXTURES)])
    theirs = torch.cat([probe.noise(3 * MIXTURES)[-len(own) :], probe.noise(2 * MIXTURES)[-MIXTURES:]])
    before = probe.results(ours, step)
    same = ~_differing(before != probe.results(theirs, step), owner, probe.pixels)
    replaced = torch.where(same, theirs, ours)
    if not torch.equal(before, probe.results(replaced, step)):
        return False
    logits, others = probe.logits(ours), probe.logits(replaced)
    return bool(((logits - others).abs() <= EQUAL * logits.abs().amax()).all())


def _differing(different: Tensor, owner: Tensor, pixels: int) -> Tensor:
    """Which pixels own a result that differs: different (N, E) bool, owner (E,) -> (N, pixels) bool."""
    counts = torch.zeros(len(different), pixels + 1, device=different.device)
    counts.index_add_(1, torch.where(owner >= 0, owner, pixels), different.float())
    return counts[:, :pixels] > 0


def _measured(probe: _Probe, step: int, owner: Tensor) -> InputLevels | None:
    """The levels of every pixel, from the bottom of the box to its top; None where some pixel has more than MOST_LEVELS.

    From a level's start the next change is looked for among constant images and then halved down to neighbouring floats.
    """
    pixels = probe.pixels
    values = torch.linspace(probe.box.low, probe.box.high, SCAN, dtype=torch.float64).to(probe.images)
    scan = probe.results(probe.constant(values), step)
    start, code = values[0].expand(pixels), scan[0]
    starts, ends, codes = [start], [], [code]
    for _ in range(MOST_LEVELS):
        ahead = values[:, None] > start
        changed = ahead & _differing(scan != code, owner, pixels)
        going = changed.any(dim=0)
        if not bool(going.any()):
            ends.append(torch.where(start.isfinite(), values[-1], -torch.inf))
            return InputLevels(step, *_by_pixel(starts, ends, codes, owner))
        upper = changed.int().argmax(dim=0)
        low = torch.where(going, torch.maximum(values[(upper - 1).clamp_min(0)], start), values[-1])
        high = torch.where(going, values[upper], values[-1])
        low, high = _halved(probe, step, owner, code, low, high)
        ends.append(torch.where(going, low, torch.where(start.isfinite(), values[-1], -torch.inf)))
        reached = probe.results(high[None], step)[0]
        code = torch.where(going[owner.clamp_min(0)], reached, code)
        start = torch.where(going, high, torch.inf)
        starts.append(start)
        codes.append(code)
    return None


def _halved(probe: _Probe, step: int, owner: Tensor, code: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Neighbouring floats low < high (P,) between which a pixel leaves the results `code` (E,) that it has at `low`."""
    while True:
        middle = low + (high - low) / 2
        if not bool(((middle > low) & (middle < high)).any()):
            return low, high
        left = _differing(probe.results(middle[None], step) != code, owner, probe.pixels)[0]
        low, high = torch.where(left, low, middle), torch.where(left, middle, high)


def _by_pixel(
    starts: list[Tensor], ends: list[Tensor], codes: list[Tensor], owner: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`owned`, `starts`, `ends` and `codes` of InputLevels from lists with one entry a level: (P,), (P,) and (E,)."""
    pixels, size = len(starts[0]), len(owner)
    order = owner.argsort(stable=True)
    order = order[owner[order] >= 0]
    counts = torch.bincount(owner[order], minlength=pixels)
    place = torch.arange(len(order), device=owner.device) - (counts.cumsum(0) - counts)[owner[order]]
    owned = torch.full((pixels, int(counts.max())), size, device=owner.device)
    owned[owner[order], place] = order
    padded = torch.stack([torch.cat([code, code.new_zeros(1)]) for code in codes])
    return owned, torch.stack(starts, dim=1), torch.stack(ends, dim=1), padded[:, owned].movedim(0, 1)


def _predicts(levels: InputLevels, probe: _Probe) -> bool:
    """Whether the table gives the step's results on images: a level narrower than the scan's grid may have been missed."""
    images = torch.cat([probe.images.flatten(1), probe.noise(MIXTURES)])
    given = probe.results(images, levels.step)
    told = levels.codes[torch.arange(probe.pixels, device=images.device), levels.levels_of(images)]
    padded = torch.cat([given, given.new_zeros(len(given), 1)], dim=1)
    return torch.equal(padded[:, levels.owned], told)
