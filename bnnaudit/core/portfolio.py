"""What a run of `auto` was made of, as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from bnnaudit.core.attack import LossKind
from bnnaudit.core.surrogate import Surrogate


class Way(StrEnum):
    """How `auto` looks for adversarial images."""

    FIRST = "first climb"
    UNITS = "unit search"
    CHOOSING = "choosing"
    CLIMB = "climb"
    WINDOWS = "window search"
    LEVELS = "level search"


@dataclass(frozen=True, slots=True)
class Leg:
    """One part of a run: all climbs with the same surrogate and loss are one, all trials of the choice are one.

    surrogate, loss: of a climb, None elsewhere. felled: ids of the images that it was the first to fool. forwards,
    backwards: passes, counted per image.
    """

    way: Way
    surrogate: Surrogate | None = None
    loss: LossKind | None = None
    felled: tuple[int, ...] = ()
    forwards: int = 0
    backwards: int = 0

    def and_also(self, felled: Iterable[int], forwards: int, backwards: int) -> Leg:
        """The leg with what it did further."""
        return replace(
            self,
            felled=(*self.felled, *felled),
            forwards=self.forwards + forwards,
            backwards=self.backwards + backwards,
        )

    def confirmed(self, ids: Iterable[int]) -> Leg:
        """The leg with only those of its successes that are among `ids`."""
        kept = frozenset(ids)
        return replace(self, felled=tuple(index for index in self.felled if index in kept))


def joined_legs(first: Iterable[Leg], second: Iterable[Leg]) -> tuple[Leg, ...]:
    """The parts of two runs as those of one: what is alike in both is told once, with the sum of both."""
    legs: dict[Leg, Leg] = {}
    for leg in (*first, *second):
        kind = Leg(leg.way, leg.surrogate, leg.loss)
        legs[kind] = legs.get(kind, kind).and_also(leg.felled, leg.forwards, leg.backwards)
    return tuple(legs.values())
