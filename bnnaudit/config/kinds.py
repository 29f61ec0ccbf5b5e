"""Kinds of values in settings: how each is read, and how the published JSON Schema describes it."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeGuard, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, StrictInt, StrictStr, WithJsonSchema

from bnnaudit.core.attack import Beta, Budget
from bnnaudit.core.device import parse_device
from bnnaudit.core.errors import UsageError
from bnnaudit.core.limits import (
    LARGEST_COUNT,
    LARGEST_NUMBER,
    MOST_QUERIES,
    MOST_RESTARTS,
    MOST_STEPS,
    SMALLEST_NUMBER,
    problem_of_range,
)
from bnnaudit.core.share import parse_share
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.threat import Box, parse_length

Choice = TypeVar("Choice", bound=StrEnum)
Schema: TypeAlias = dict[str, Any]


class Table(BaseModel):
    """A table of the file: no key but its own, never changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    def chosen(self, *keys: str) -> dict[str, Any]:
        """Of these keys, those that were given; of all keys where none is named."""
        return {key: value for key in keys or type(self).model_fields if (value := getattr(self, key)) is not None}


def key(description: str) -> Any:
    """A key that may be left out; the description is what an editor shows."""
    return Field(default=None, description=description)


def required(description: str) -> Any:
    """A key that has to be there."""
    return Field(description=description)


def _is_number(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _fraction(value: object) -> object:
    if not _is_number(value) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is not a fraction between 0 and 1")
    return float(value)


def _share(value: object) -> object:
    """A fraction, or text in percent."""
    if isinstance(value, str):
        try:
            return parse_share(value)
        except UsageError as error:
            raise ValueError(str(error).partition(": ")[2]) from None
    if not _is_number(value) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is not a fraction between 0 and 1; write 0.3 or '30%'")
    return float(value)


def _length(value: object) -> object:
    """A length in units of the [0,1] image, from a number or text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not a length; write 8/255, 8px or 0.03")
    try:
        return parse_length(value)
    except UsageError as error:
        raise ValueError(str(error).partition(": ")[2]) from None


def _positive_length(value: object) -> object:
    if _length(value) == 0:
        raise ValueError(f"{value!r} is not a step size; write a length above 0, such as 2/255")
    return _length(value)


def _range(value: object) -> object:
    """[low, high], or the box itself."""
    if isinstance(value, Box):
        value = [value.low, value.high]
    if not (isinstance(value, list | tuple) and len(value) == 2 and all(_is_number(bound) for bound in value)):
        raise ValueError(f"{value!r} is not two numbers; write [0, 1] or [0, 255]")
    low, high = value
    if not low < high:
        raise ValueError(f"the lower bound {low:g} must be below the upper bound {high:g}")
    if problem := problem_of_range(float(low), float(high)):
        raise ValueError(problem)
    return Box(float(low), float(high))


def _per_channel(value: object) -> tuple[float, ...]:
    """One number per channel, or one for all."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    numbers = tuple(float(entry) for entry in values if _is_number(entry))
    if not numbers or len(numbers) < len(values):
        raise ValueError(f"{value!r} is not a number for each channel")
    if max(map(abs, numbers)) > LARGEST_NUMBER:
        raise ValueError(
            f"{value!r} is beyond {LARGEST_NUMBER:g}, where images in single precision become infinite or NaN"
        )
    return numbers


def _positive_per_channel(value: object) -> object:
    values = _per_channel(value)
    if min(values) <= 0:
        raise ValueError(f"{value!r} must be above 0, because the input is divided by it")
    if min(values) < SMALLEST_NUMBER:
        raise ValueError(f"{value!r} is below {SMALLEST_NUMBER:g}, and what is divided by it becomes infinite or NaN")
    return values


def _day(value: object) -> object:
    """A day, from TOML's own date or ISO text."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    try:
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise ValueError
        return datetime.date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{str(value)!r} is not a day; write 2027-01-31") from None


def choice(choices: type[Choice], *others: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """Text as one of the choices, in upper or lower case; `others` stand for a key that says nothing."""

    def parse(value: object) -> object:
        if value in others:
            return None
        try:
            return choices(str(value).lower())
        except ValueError:
            raise ValueError(f"{value!r} is not one of {', '.join(choices)}") from None

    return BeforeValidator(parse), WithJsonSchema({"enum": [*others, *map(str, choices)]})


def _parsed(parse: Callable[[str], object], kind: type) -> Callable[[object], object]:
    """Text (or a number) by a parser of `core`, whose error already names the quantity."""

    def convert(value: object) -> object:
        if isinstance(value, kind):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(f"{value!r} is neither text nor a number")
        try:
            return parse(str(value))
        except UsageError as error:
            raise ValueError(str(error).partition(": ")[2]) from None

    return convert


def _filled(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"should be a valid string, not {value!r}")
    if not value:
        raise ValueError("String should have at least 1 character")
    return value


def _device(value: object) -> object:
    try:
        return parse_device(str(value))
    except UsageError as error:
        raise ValueError(str(error).partition(": ")[2]) from None


_TEXT: Schema = {"type": "string", "minLength": 1}
_NUMBERS: Schema = {"type": "array", "items": {"type": "number"}, "minItems": 1}
_DIGITS = r"([0-9]+\.?[0-9]*|\.[0-9]+)"
_UP_TO_1 = r"(0*1(\.0*)?|0*\.[0-9]+|0+\.?)"
_UP_TO_100 = r"(0*100(\.0*)?|0*[0-9]{1,2}(\.[0-9]*)?|\.[0-9]+)"
_LENGTH: Schema = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": rf"^\s*{_DIGITS}([eE][-+]?[0-9]+)?\s*(px|/\s*{_DIGITS})?\s*$"},
    ]
}

Fraction = Annotated[float, BeforeValidator(_fraction), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})]
Share = Annotated[
    float,
    BeforeValidator(_share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": rf"^\s*({_UP_TO_1}|{_UP_TO_100}\s*%)\s*$"},
            ]
        }
    ),
]
Length = Annotated[float, BeforeValidator(_length), WithJsonSchema(_LENGTH)]
PositiveLength = Annotated[float, BeforeValidator(_positive_length), WithJsonSchema(_LENGTH)]
AtLeastOne = Annotated[StrictInt, Field(ge=1, le=LARGEST_COUNT)]
Steps = Annotated[StrictInt, Field(ge=1, le=MOST_STEPS)]
Restarts = Annotated[StrictInt, Field(ge=1, le=MOST_RESTARTS)]
Queries = Annotated[StrictInt, Field(ge=1, le=MOST_QUERIES)]
FilledText = Annotated[StrictStr, Field(min_length=1)]
SourceText = Annotated[str, PlainValidator(_filled), WithJsonSchema(_TEXT)]
"""Also with lone surrogates, by which Python writes names of files that are no UTF-8, and which pydantic's own text refuses."""
PathText = Annotated[Path, BeforeValidator(_parsed(Path, Path)), WithJsonSchema(_TEXT)]
Range = Annotated[Box, BeforeValidator(_range), WithJsonSchema({**_NUMBERS, "minItems": 2, "maxItems": 2})]
PerChannel = Annotated[
    tuple[float, ...], BeforeValidator(_per_channel), WithJsonSchema({"anyOf": [{"type": "number"}, _NUMBERS]})
]
_ABOVE_0: Schema = {"type": "number", "exclusiveMinimum": 0}
PositivePerChannel = Annotated[
    tuple[float, ...],
    BeforeValidator(_positive_per_channel),
    WithJsonSchema({"anyOf": [_ABOVE_0, {**_NUMBERS, "items": _ABOVE_0}]}),
]
Temperature = Annotated[Beta, BeforeValidator(_parsed(Beta.parse, Beta)), WithJsonSchema({"anyOf": [_ABOVE_0, _TEXT]})]
SurrogateText = Annotated[Surrogate, BeforeValidator(_parsed(Surrogate.parse, Surrogate)), WithJsonSchema(_TEXT)]
BudgetText = Annotated[
    Budget,
    BeforeValidator(_parsed(Budget.parse, Budget)),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[0-9.]+s?$"}]}),
]
DeviceText = Annotated[
    str, BeforeValidator(_device), WithJsonSchema({"type": "string", "pattern": "^(auto|cpu|cuda(:[0-9]+)?)$"})
]
Day = Annotated[
    datetime.date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
]
