"""The images of a search among levels: the points that choices of levels make of them, and what the network says of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.attacks.auto.levels.input_levels import InputLevels, shown_steps
from bnnaudit.attacks.auto.levels.reach import Reach
from bnnaudit.attacks.context import Context
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.numerics.losses import margin
from bnnaudit.quantization.step_hooks import StepTaken


@dataclass(frozen=True, slots=True, eq=False)
class LevelField:
    """The images under search, what they can reach, and the network through each surrogate."""

    context: Context
    targets: Sequence[Target]
    levels: InputLevels
    batch: Batch
    reach: Reach

    def points(self, rows: Tensor, choices: Tensor) -> Tensor:
        """The images (M, W, ...) in which the images `rows` (M,) make these choices (M, W, S)."""
        count = choices.shape[1]
        flat = self.batch.images[rows].flatten(1)
        padded = torch.cat([flat, flat.new_zeros(len(rows), 1)], dim=1)[:, None].repeat(1, count, 1)
        values = self.reach.values[rows].gather(2, choices.movedim(1, 2)).movedim(2, 1)
        slots = self.reach.pixels[rows][:, None].expand(-1, count, -1)
        images = padded.scatter(2, slots, values)[:, :, :-1]
        return images.reshape(len(rows), count, *self.batch.images.shape[1:])

    def judged(self, rows: Tensor, choices: Tensor) -> tuple[Tensor, Tensor]:
        """True margins (M, W), and whether the network is wrong (M, W), of these choices (M, W, S)."""
        count = choices.shape[1]
        labels = self.batch.labels[rows].repeat_interleave(count)
        images = max(1, self.context.batch_size // count)
        parts = zip(torch.split(rows, images), torch.split(choices, images), strict=True)
        logits = torch.cat([self.context.judged(self.points(*part).flatten(0, 1)) for part in parts])
        wrong = logits.argmax(dim=1) != labels
        return margin(logits, labels).float().view(-1, count), wrong.view(-1, count)

    def slopes(self, rows: Tensor, choices: Tensor, turn: int) -> Tensor:
        """The derivative of the margin by the quantizer's results (M, E) where images `rows` (M,) make these choices (M, S)."""
        target, size = self.targets[turn % len(self.targets)], self.context.batch_size
        pieces = zip(torch.split(rows, size), torch.split(choices, size), strict=True)
        return torch.cat([self._slopes(target, *piece) for piece in pieces])

    def _slopes(self, target: Target, rows: Tensor, choices: Tensor) -> Tensor:
        seen: list[Tensor] = []

        def look(place: int, step: StepTaken) -> None:
            if place == self.levels.step:
                seen.append(step.result)

        with shown_steps(look):
            logits = target.logits(self.points(rows, choices[:, None])[:, 0].detach().requires_grad_())
            (slopes,) = torch.autograd.grad(margin(logits, self.batch.labels[rows]).sum(), seen)
        return slopes.flatten(1)

    def predicted(self, rows: Tensor, choices: Tensor, slopes: Tensor) -> Tensor:
        """How the margin changes with each choice in each slot (M, S, R) if its slopes (M, E) hold; inf for the choice already
        made (M, S) and where there is none.
        """
        slopes = torch.cat([slopes, slopes.new_zeros(len(rows), 1)], dim=1)
        reach = self.reach.select(rows)
        pixels = reach.pixels.clamp_max(len(self.levels.owned) - 1)
        codes = self.levels.codes[pixels[:, :, None], reach.levels]
        now = codes.gather(2, choices[:, :, None, None].expand(-1, -1, 1, codes.shape[3]))
        owned = self.levels.owned[pixels]
        slope = slopes.gather(1, owned.flatten(1)).view_as(owned)
        change = ((codes - now) * slope[:, :, None]).sum(dim=3)
        options = torch.arange(codes.shape[2], device=rows.device)
        idle = (options >= reach.counts[:, :, None]) | (options == choices[:, :, None])
        return torch.where(idle, torch.inf, change)
