"""What a card, `bnnaudit.toml` and the flags can say: one schema, every key of it optional."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self, TypeGuard, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

from bnnaudit.core.attack import Beta, Budget, LossKind, Method
from bnnaudit.core.device import parse_device
from bnnaudit.core.effort import Effort
from bnnaudit.core.errors import UsageError
from bnnaudit.core.facts import ChannelOrder, Layout
from bnnaudit.core.limits import LARGEST_COUNT, LARGEST_SEED, MOST_THREADS
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.threat import IMAGE_BITS, Box, Norm, parse_length

Choice = TypeVar("Choice", bound=StrEnum)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _fraction(value: object) -> object:
    if not _is_number(value) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is not a fraction between 0 and 1")
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
    return Box(float(low), float(high))


def _per_channel(value: object) -> tuple[float, ...]:
    """One number per channel, or one for all."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    numbers = tuple(float(entry) for entry in values if _is_number(entry))
    if not numbers or len(numbers) < len(values):
        raise ValueError(f"{value!r} is not a number for each channel")
    return numbers


def _positive_per_channel(value: object) -> object:
    values = _per_channel(value)
    if min(values) <= 0:
        raise ValueError(f"{value!r} must be above 0, because the input is divided by it")
    return values


def _choice(choices: type[Choice]) -> Callable[[object], object]:
    """Text as one of the choices, in upper or lower case."""

    def parse(value: object) -> object:
        try:
            return choices(str(value).lower())
        except ValueError:
            raise ValueError(f"{value!r} is not one of {', '.join(choices)}") from None

    return parse


def _layout(value: object) -> object:
    return None if value == "auto" else _choice(Layout)(value)


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


def _device(value: object) -> object:
    try:
        return parse_device(str(value))
    except UsageError as error:
        raise ValueError(str(error).partition(": ")[2]) from None


Fraction = Annotated[float, BeforeValidator(_fraction)]
Length = Annotated[float, BeforeValidator(_length)]
PositiveLength = Annotated[float, BeforeValidator(_positive_length)]
AtLeastOne = Annotated[StrictInt, Field(ge=1, le=LARGEST_COUNT)]
PathText = Annotated[Path, BeforeValidator(_parsed(Path, Path))]


class _Table(BaseModel):
    """A table of the file: no key but its own, never changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    def chosen(self, *keys: str) -> dict[str, Any]:
        """Of these keys, those that were given."""
        return {key: value for key in keys if (value := getattr(self, key)) is not None}


class DataTable(_Table):
    """[data]: what to audit on. `source` is a path or a torchvision name, `root` where torchvision keeps its data."""

    source: Annotated[StrictStr, Field(min_length=1)] | None = None
    root: PathText | None = None
    samples: AtLeastOne | None = None
    seed: Annotated[StrictInt, Field(ge=0, le=LARGEST_SEED)] | None = None


class PreprocessingTable(_Table):
    """[preprocessing]: the range that the network takes, its normalisation in units of that range, its layout and colours.

    `output_name`: the output that holds the scores, of an ONNX file that has several. `input_shape`: the input's sizes
    after the batch in the network's own order, for an ONNX file that leaves them open, or a checkpoint.
    """

    input_range: Annotated[Box, BeforeValidator(_range)] | None = None
    mean: Annotated[tuple[float, ...], BeforeValidator(_per_channel)] | None = None
    std: Annotated[tuple[float, ...], BeforeValidator(_positive_per_channel)] | None = None
    layout: Annotated[Layout | None, BeforeValidator(_layout)] = None
    output_name: StrictStr | None = None
    channels: Annotated[ChannelOrder | None, BeforeValidator(_choice(ChannelOrder))] = None
    input_shape: Annotated[tuple[AtLeastOne, ...], Field(min_length=1, max_length=3)] | None = None

    @model_validator(mode="after")
    def _same_channels(self) -> Self:
        if self.mean and self.std and len(self.mean) != len(self.std) and 1 not in (len(self.mean), len(self.std)):
            raise ValueError(f"mean has {len(self.mean)} values, std {len(self.std)}; give one for each channel")
        return self

    def resolved(self) -> Preprocessing:
        """The preprocessing with defaults where nothing is said."""
        return Preprocessing(
            self.input_range,
            self.mean or (),
            self.std or (),
            self.layout,
            self.output_name,
            self.channels or ChannelOrder.RGB,
            self.input_shape,
        )


class ThreatTable(_Table):
    """[threat]: `eps` in units of the [0,1] image; `image_bits` of a pixel, where only storable images count."""

    norm: Annotated[Norm, BeforeValidator(_choice(Norm))] | None = None
    eps: Length | None = None
    image_bits: Annotated[StrictInt, Field(ge=IMAGE_BITS[0], le=IMAGE_BITS[1])] | None = None


class AttackTable(_Table):
    """[attack]: settings of the attacks; `step_size` in units of the [0,1] image."""

    method: Annotated[Method, BeforeValidator(_choice(Method))] | None = None
    steps: AtLeastOne | None = None
    step_size: PositiveLength | None = None
    restarts: AtLeastOne | None = None
    beta: Annotated[Beta, BeforeValidator(_parsed(Beta.parse, Beta))] | None = None
    surrogate: Annotated[Surrogate, BeforeValidator(_parsed(Surrogate.parse, Surrogate))] | None = None
    loss: Annotated[LossKind, BeforeValidator(_choice(LossKind))] | None = None
    targets: AtLeastOne | None = None
    queries: AtLeastOne | None = None
    budget: Annotated[Budget, BeforeValidator(_parsed(Budget.parse, Budget))] | None = None


class DeclaredTable(_Table):
    """[declared]: the accuracies that the model's maker states, as fractions."""

    clean_accuracy: Fraction | None = None
    adversarial_accuracy: Fraction | None = None


class ArchitectureTable(_Table):
    """[architecture]: the network that a checkpoint is loaded into. `options` go to its builder.

    `input_shape` has no batch axis; [preprocessing] input_shape, which flags set, comes before it.
    """

    name: StrictStr | None = None
    options: dict[str, Any] | None = None
    input_shape: Annotated[tuple[AtLeastOne, ...], Field(min_length=1)] | None = None


class SubstituteTable(_Table):
    """[substitute]: another model, whose adversarial images are tried on this one."""

    model: PathText | None = None


class AuditTable(_Table):
    """[audit]: how much an audit may cost. `all_images`: attack the whole sample even where the verdict is decided before."""

    effort: Annotated[Effort | None, BeforeValidator(_choice(Effort))] = None
    all_images: StrictBool | None = None


class DeploymentTable(_Table):
    """[deployment]: `serve_as` says which sessions of its runtime count as the deployed model."""

    serve_as: Annotated[ServeAs | None, BeforeValidator(_choice(ServeAs))] = None


class RunTable(_Table):
    """[run]: how to compute, which changes no result but for the last bits of sums."""

    device: Annotated[str, BeforeValidator(_device)] | None = None
    batch_size: AtLeastOne | None = None
    threads: Annotated[StrictInt, Field(ge=1, le=MOST_THREADS)] | None = None


class Settings(_Table):
    """Everything a card or settings file can say; None (or an empty table) where it says nothing."""

    description: StrictStr | None = None
    data: DataTable = DataTable()
    preprocessing: PreprocessingTable = PreprocessingTable()
    threat: ThreatTable = ThreatTable()
    attack: AttackTable = AttackTable()
    declared: DeclaredTable = DeclaredTable()
    architecture: ArchitectureTable = ArchitectureTable()
    substitute: SubstituteTable = SubstituteTable()
    audit: AuditTable = AuditTable()
    deployment: DeploymentTable = DeploymentTable()
    run: RunTable = RunTable()
