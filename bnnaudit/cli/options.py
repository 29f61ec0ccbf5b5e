"""The options that commands share, from text to settings."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import click

from bnnaudit.core.attack import Beta, Budget, Curvature, ErrorSignal, LossKind
from bnnaudit.core.errors import UsageError
from bnnaudit.core.facts import ChannelOrder, Layout
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.surrogate import Surrogate, SurrogateKind, WidthUnit
from bnnaudit.core.threat import IMAGE_BITS, Box, Norm, parse_length

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


class Parsed(click.ParamType[Any]):
    """A value that one of our own parsers reads."""

    def __init__(self, name: str, parse: Callable[[str], object]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The parser's object, its UsageError as the option's."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except UsageError as error:
            self.fail(str(error).partition(": ")[2], param, ctx)


def parse_range(text: str) -> Box:
    """`0,255` as a box."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"input-range: {text!r} is not LO,HI such as 0,255") from None
    if not low < high:
        raise UsageError(f"input-range: {text!r} has its lower bound above its upper one")
    return Box(low, high)


def parse_numbers(text: str) -> tuple[float, ...]:
    """`0.485,0.456,0.406` as numbers."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"numbers: {text!r} is not a list of numbers such as 0.485,0.456,0.406") from None


def parse_shape(text: str) -> tuple[int, ...]:
    """`3,32,32` as sizes."""
    parts = text.lower().replace("x", ",").split(",")
    if not all(part.strip().isdecimal() and int(part) for part in parts) or len(parts) > 3:
        raise UsageError(f"input-shape: {text!r} is not one to three sizes such as 3,32,32")
    return tuple(int(part) for part in parts)


LENGTH = Parsed("length", parse_length)
BETA = Parsed("rule|number", Beta.parse)
BUDGET = Parsed("gradients|seconds", Budget.parse)
SURROGATE = Parsed("surrogate", Surrogate.parse)
RANGE = Parsed("lo,hi", parse_range)
NUMBERS = Parsed("numbers", parse_numbers)
SHAPE = Parsed("sizes", parse_shape)
PATH = click.Path(path_type=Path)


def choice(kind: type[StrEnum], *extra: str) -> click.Choice[str]:
    """The values of an enumeration."""
    return click.Choice([*extra, *(str(member) for member in kind)], case_sensitive=False)


def stacked(*options: Decorator[Any]) -> Decorator[Any]:
    """Several options as one decorator, in the order of the help."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


model_argument = click.argument("model", type=PATH)


def data_options(samples: int = 300) -> Decorator[Any]:
    """Which images, with the number that the command takes unless it is told."""
    return stacked(
        click.option(
            "--data",
            "source",
            metavar="PATH|NAME",
            help=".npz with x and y, folder or zip of classes, torchvision name.",
        ),
        click.option("--data-root", type=PATH, help="Where torchvision keeps its data sets."),
        click.option("--samples", type=int, help=f"Images of the sample, drawn with --seed.  [default: {samples}]"),
        click.option("--seed", type=click.IntRange(min=0), help="Seed of sample and attacks.  [default: 0]"),
    )


model_options = stacked(
    click.option(
        "--input-range",
        type=RANGE,
        help="Range of values that the network takes.  [default: 0,1; of whole numbers of 8 or 16 bits that of the type]",
    ),
    click.option("--mean", type=NUMBERS, help="Subtracted from each channel, in units of the input range."),
    click.option("--std", type=NUMBERS, help="Each channel is divided by it, in units of the input range."),
    click.option(
        "--layout",
        type=choice(Layout, "auto"),
        help="Order of the network's input axes, or of pictures that are flattened for it.  [default: auto]",
    ),
    click.option(
        "--channels", type=choice(ChannelOrder), help="Order of colours that the network takes.  [default: rgb]"
    ),
    click.option(
        "--input-shape",
        type=SHAPE,
        metavar="C,H,W",
        help="Sizes of the network's input in its own order, where the file leaves them open.  [default: the data's]",
    ),
    click.option("--output-name", metavar="NAME", help="Output that holds the scores, where an ONNX file has several."),
    click.option("--arch", metavar="NAME|MODULE:CALLABLE", help="Network that a checkpoint's weights belong to."),
    click.option("--card", type=PATH, help="Card to use instead of MODEL.toml beside the model."),
)

serving_option = click.option(
    "--serve-as",
    type=choice(ServeAs),
    help="Sessions of ONNX Runtime that count: exact computes what the file says, default is what opens without options on "
    "this machine; with any a model is broken where one of them is.  [default: any]",
)

threat_options = stacked(
    click.option("--norm", type=choice(Norm), help="Norm of the perturbation.  [default: linf]"),
    click.option("--eps", type=LENGTH, help="Radius in the [0,1] image: 8/255, 8px or 0.03.  [default: 8/255]"),
    click.option(
        "--image-bits",
        type=click.IntRange(*IMAGE_BITS),
        metavar="B",
        help="Count only images that pixels of B bits can store: 8 for a PNG.",
    ),
    click.option("--steps", type=click.IntRange(min=1), help="Steps of the attack.  [default: 20]"),
    click.option("--step-size", type=LENGTH, help="Step in the [0,1] image.  [default: eps/4, L2 eps/8, FGSM eps]"),
    click.option("--restarts", type=click.IntRange(min=1), help="Random restarts.  [default: 1]"),
)

run_options = stacked(
    click.option("--device", metavar="auto|cpu|cuda[:N]", help="Where to compute.  [default: auto]"),
    click.option(
        "--batch-size",
        type=click.IntRange(min=1),
        help="Images attacked at a time.  [default: as memory allows]",
    ),
    click.option(
        "--threads",
        type=click.IntRange(min=1),
        help="Threads to compute with.  [default: what is quickest, at most the cores that may be used]",
    ),
)

plot_option = click.option("--plot", type=PATH, metavar="FILE.svg|png", help="Draw it as a picture as well.")

output_options = stacked(
    click.option(
        "--format", "format_name", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True
    ),
    click.option("--output", "-o", type=PATH, help="File for the report instead of stdout."),
    click.option("--quiet", "-q", is_flag=True, help="No progress on stderr."),
    click.option("--verbose", "-v", is_flag=True, help="More detail; a traceback if bnnaudit itself breaks."),
)

attack_options = stacked(
    click.option(
        "--beta",
        type=BETA,
        help="Temperature: none, njs[:RHO], hns, hns-grid, hns-sketch, hns-logit, tracked or a number.",
    ),
    click.option(
        "--curvature",
        type=choice(Curvature),
        help="Hessian of hns: linear between the network's kinks, or full for smooth networks.  [default: linear]",
    ),
    click.option(
        "--surrogate",
        type=SURROGATE,
        metavar="KIND[:WIDTH[..END][:UNIT]]",
        help=f"Gradient of sign and round, as in triangular:0.5. Kinds: {', '.join(SurrogateKind)}. "
        f"Units of a width: {', '.join(WidthUnit)}.",
    ),
    click.option("--loss", type=choice(LossKind), help="What the attack maximises.  [default: ce]"),
    click.option(
        "--error-signal",
        type=choice(ErrorSignal),
        default="auto",
        show_default=True,
        help="Arithmetic of the loss's derivative: plain underflows as in other libraries, exact never does.",
    ),
    click.option("--targets", type=click.IntRange(min=1), help="Classes that a targeted loss tries.  [default: 9]"),
    click.option(
        "--queries",
        type=click.IntRange(min=1),
        help="Forward passes an image of square, random and hard-label.  [default: 5000]",
    ),
    click.option(
        "--budget", type=BUDGET, help="What auto may spend: gradients an image (500), or in all 30s.  [default: 1000]"
    ),
    click.option("--l2-per-channel", is_flag=True, help="Project each colour channel by itself, for comparison only."),
)


def nested_flags(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The options of a command that settings know, as the tables of a card; those not given are left out."""
    tables: dict[str, dict[str, Any]] = {}
    for option, (table, key) in FLAG_TO_KEY.items():
        value = values.get(option)
        if value is not None:
            tables.setdefault(table, {})[key] = value
    return tables


def attack_flags(values: dict[str, Any]) -> dict[str, Any]:
    """The options of an attack that no card knows, as fields of its settings."""
    curvature = values["curvature"]
    return {
        "curvature": None if curvature is None else Curvature(curvature),
        "error_signal": ErrorSignal(values["error_signal"]),
    }


FLAG_TO_KEY: dict[str, tuple[str, str]] = {
    "source": ("data", "source"),
    "data_root": ("data", "root"),
    "samples": ("data", "samples"),
    "seed": ("data", "seed"),
    "input_range": ("preprocessing", "input_range"),
    "mean": ("preprocessing", "mean"),
    "std": ("preprocessing", "std"),
    "layout": ("preprocessing", "layout"),
    "channels": ("preprocessing", "channels"),
    "output_name": ("preprocessing", "output_name"),
    "input_shape": ("preprocessing", "input_shape"),
    "arch": ("architecture", "name"),
    "norm": ("threat", "norm"),
    "eps": ("threat", "eps"),
    "image_bits": ("threat", "image_bits"),
    "steps": ("attack", "steps"),
    "step_size": ("attack", "step_size"),
    "restarts": ("attack", "restarts"),
    "beta": ("attack", "beta"),
    "surrogate": ("attack", "surrogate"),
    "loss": ("attack", "loss"),
    "targets": ("attack", "targets"),
    "queries": ("attack", "queries"),
    "budget": ("attack", "budget"),
    "effort": ("audit", "effort"),
    "serve_as": ("deployment", "serve_as"),
    "all_images": ("audit", "all_images"),
    "device": ("run", "device"),
    "batch_size": ("run", "batch_size"),
    "threads": ("run", "threads"),
    "substitute": ("substitute", "model"),
}
