"""Kinds of option values: how text becomes one of the project's own types, and what a shell may complete it to."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeVar, get_args, get_origin

import typer

from bnnaudit.core.attack import Beta, BetaRule, Budget
from bnnaudit.core.device import parse_device
from bnnaudit.core.errors import UsageError, did_you_mean
from bnnaudit.core.limits import LARGEST_COUNT
from bnnaudit.core.share import parse_share
from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.core.threat import Box, parse_length

Value = TypeVar("Value")

MOST_DIGITS = 20
"""A whole number of so many characters is too large to be read: every seed has fewer, and Python refuses thousands."""


@dataclass(frozen=True)
class Kind:
    """One kind of value, as arguments of `typer.Option`: its name in the help, its parser, its completion."""

    metavar: str
    parser: Callable[[str], Any]
    autocompletion: Callable[[str], list[str]]


def kind(metavar: str, parse: Callable[[str], Value], names: Iterable[str] = ()) -> Kind:
    """Text that `parse` reads, whose UsageError becomes the option's; `names` are completed and suggested."""
    known = tuple(names)

    def read(text: str) -> Value:
        try:
            return parse(text)
        except UsageError as error:
            nearest = did_you_mean(text.partition(":")[0], known)
            raise typer.BadParameter(str(error).partition(": ")[2] + nearest) from error

    def complete(incomplete: str) -> list[str]:
        return [name for name in known if name.startswith(incomplete)]

    return Kind(metavar, read, complete)


def choice(values: Iterable[str], metavar: str = "", make: Callable[[str], object] = str) -> Kind:
    """One of `values`, in upper or lower case, as `make` makes it of the value."""
    names = tuple(values)

    def parse(text: str) -> object:
        if text.lower() not in names:
            raise UsageError(f"choice: {text!r} is not one of {', '.join(names)}")
        return make(text.lower())

    return kind(metavar or "|".join(names), parse, names)


def whole(least: int = 1, most: int | None = None, metavar: str = "N") -> Kind:
    """A whole number from `least` to `most`, by default the largest count."""
    highest = LARGEST_COUNT if most is None else most

    def parse(text: str) -> int:
        if not re.fullmatch(r"[-+]?[0-9]+", text):
            raise UsageError(f"number: {text!r} is not a whole number")
        value = int(text) if len(text) < MOST_DIGITS else highest + 1
        if not least <= value <= highest:
            limits = f"{least} or more" if most is None and value < least else f"from {least} to {highest}"
            raise UsageError(f"number: {text} is out of range; give a whole number, {limits}")
        return value

    return kind(metavar, parse)


def _range(text: str) -> Box:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"input-range: {text!r} is not LO,HI such as 0,255") from None
    if not -math.inf < low < high < math.inf:
        raise UsageError(f"input-range: {text!r} does not have its lower bound below its upper one")
    return Box(low, high)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
        if not all(map(math.isfinite, numbers)):
            raise ValueError
        return numbers
    except ValueError:
        raise UsageError(f"numbers: {text!r} is not a list of numbers such as 0.485,0.456,0.406") from None


def _shape(text: str) -> tuple[int, ...]:
    parts = text.lower().replace("x", ",").split(",")
    if not all(re.fullmatch(r" *0*[1-9][0-9]{0,8} *", part) for part in parts) or len(parts) > 3:
        raise UsageError(f"input-shape: {text!r} is not one to three sizes such as 3,32,32")
    return tuple(int(part) for part in parts)


def filled(text: str, what: str = "name: the name") -> str:
    """Text that is not empty, as that of a variable that is not set would be, and that can be a name."""
    if not text.strip():
        raise UsageError(f"{what} is empty; is a variable that should hold it unset?")
    if "\0" in text:
        raise UsageError(f"{what} {text!r} holds a NUL, which no name can")
    return text


def _positive_length(text: str) -> float:
    length = parse_length(text)
    if not length:
        raise UsageError(f"length: {text!r} is not above 0")
    return length


class NameList(tuple[str, ...]):
    """The names in one word of the command line, which commas separate."""

    __slots__ = ()


def _names(text: str) -> NameList:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"names: {text!r} is not a list of names such as FR301,MF4")
    return NameList(names)


Length = Annotated[float, kind("LENGTH", parse_length)]
PositiveLength = Annotated[float, kind("LENGTH", _positive_length)]
Count = Annotated[int, whole()]
Numbers = Annotated[tuple[float, ...], kind("NUMBERS", _numbers)]
Shape = Annotated[tuple[int, ...], kind("C,H,W", _shape)]
Device = Annotated[str, kind("auto|cpu|cuda[:N]", parse_device, ("auto", "cpu", "cuda"))]
Name = Annotated[str, kind("NAME", filled)]
Share = Annotated[float, kind("FRACTION", parse_share)]
Names = Annotated[NameList, kind("NAME,...", _names)]

KINDS = {
    Box: kind("LO,HI", _range),
    Budget: kind("N|SECONDS", Budget.parse),
    Beta: kind("RULE|NUMBER", Beta.parse, (rule for rule in BetaRule if rule is not BetaRule.FIXED)),
    Surrogate: kind("SURROGATE", Surrogate.parse, SurrogateKind),
}
"""Kinds of the project's own types other than enumerations, whose members are the values."""


def kind_of(annotation: Any) -> Kind | None:
    """The kind of value that a type stands for or is made of: `Annotated` with it, in KINDS, an enumeration; None for a flag."""
    if get_origin(annotation) is Annotated:
        (kind,) = annotation.__metadata__
        assert isinstance(kind, Kind)
        return kind
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return choice(annotation, make=annotation)
    return KINDS.get(annotation) or next(filter(None, map(kind_of, get_args(annotation))), None)
