"""An attack on a batch, part by part, each as large as memory has room for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from bnnaudit.attacks.context import Context
from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.batch import Batch
from bnnaudit.core.errors import is_out_of_memory
from bnnaudit.core.outcome import Outcome


@dataclass(slots=True)
class _Progress:
    """Reports the image-steps of a part that is run again only once."""

    tell: Callable[[int], None]
    of_this_part: int = 0
    told_before: int = 0

    def __call__(self, image_steps: int) -> None:
        self.of_this_part += image_steps
        again = min(image_steps, self.told_before)
        self.told_before -= again
        self.tell(image_steps - again)

    def start(self, again: bool) -> None:
        """A part begins: a new one, or the last one again."""
        if again:
            self.told_before += self.of_this_part
        self.of_this_part = 0


def attack_in_parts(
    attack: Callable[[Any, Context, Batch], Outcome],
    settings: AttackSettings,
    context: Context,
    batch: Batch,
    whole: bool,
) -> list[Outcome]:
    """The outcomes of the batch's parts in order: parts of `context.batch_size`, or, where `whole`, the batch at once.

    Where memory runs out the batch size is halved from then on, and the part at hand begins anew; what earlier parts found
    stays. Raises what the attack raises once single images do not fit either.
    """
    progress = _Progress(context.on_progress)
    context = replace(context, on_progress=progress)
    parts = deque([batch] if whole else context.split(batch))
    found: list[Outcome] = []
    while parts:
        smaller = min(context.batch_size, len(parts[0])) // 2
        try:
            found.append(attack(settings, context, parts[0]))
        except (MemoryError, RuntimeError) as error:
            if smaller == 0 or not is_out_of_memory(error):
                raise
        else:
            parts.popleft()
            progress.start(again=False)
            continue
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        progress.start(again=True)
        context = replace(context, batch_size=smaller)
        if not whole:
            parts = deque(piece for part in parts for piece in context.split(part))
    return found
