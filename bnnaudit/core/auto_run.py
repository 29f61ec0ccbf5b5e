"""What a run of `auto` was made of, as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from bnnaudit.core.attack import LossKind
from bnnaudit.core.surrogate import Surrogate


class PhaseName(StrEnum):
    """How `auto` looks for adversarial images."""

    FIRST = "first climb"
    UNITS = "unit search"
    CHOOSING = "choosing"
    CLIMB = "climb"
    WINDOWS = "window search"
    LEVELS = "level search"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a run: all climbs with the same surrogate and loss are one, all trials of the choice are one.

    surrogate, loss: of a climb, None elsewhere. fooled: ids of the images that it was the first to fool. forwards,
    backwards: passes, counted per image.
    """

    phase: PhaseName
    surrogate: Surrogate | None = None
    loss: LossKind | None = None
    fooled: tuple[int, ...] = ()
    forwards: int = 0
    backwards: int = 0

    def and_also(self, fooled: Iterable[int], forwards: int, backwards: int) -> Part:
        """The part with what it did further."""
        return replace(
            self,
            fooled=(*self.fooled, *fooled),
            forwards=self.forwards + forwards,
            backwards=self.backwards + backwards,
        )

    def confirmed(self, ids: Iterable[int]) -> Part:
        """The part with only those of its successes that are among `ids`."""
        kept = frozenset(ids)
        return replace(self, fooled=tuple(index for index in self.fooled if index in kept))


def joined_parts(first: Iterable[Part], second: Iterable[Part]) -> tuple[Part, ...]:
    """The parts of two runs as those of one: parts alike in both become one, with their sum."""
    parts: dict[Part, Part] = {}
    for part in (*first, *second):
        kind = Part(part.phase, part.surrogate, part.loss)
        parts[kind] = parts.get(kind, kind).and_also(part.fooled, part.forwards, part.backwards)
    return tuple(parts.values())
