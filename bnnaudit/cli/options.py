"""The options that commands share, a class for each panel of the help.

An option is one field: its type, how the shell's text becomes it, its help, its default in words, and the key of a card that
says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from bnnaudit.cli import paths, values
from bnnaudit.cli.command import CardKey, Options
from bnnaudit.core.attack import Beta, Budget, Curvature, ErrorSignal, LossKind
from bnnaudit.core.effort import Effort
from bnnaudit.core.facts import ChannelOrder, Layout
from bnnaudit.core.report import ReportFormat
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.surrogate import Surrogate, SurrogateKind, WidthUnit
from bnnaudit.core.threat import IMAGE_BITS, Box, Norm

ModelPath = Annotated[Path, typer.Argument(help="ONNX file or checkpoint.", rich_help_panel="Model", **paths.MODEL)]
PlotPath = Annotated[
    Path | None,
    typer.Option(
        "--plot", help="Also draw the result, as a picture in this file.", rich_help_panel="Output", **paths.PICTURE
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress on stderr.", rich_help_panel="Output")]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="More detail, and a traceback if bnnaudit itself fails.", rich_help_panel="Output"
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions(Options):
    """What the network takes and returns, where its file does not tell."""

    PANEL: ClassVar[str] = "Model"

    card: Annotated[
        Path | None, typer.Option(help="Card to use instead of MODEL.toml next to the model.", **paths.CARD)
    ] = None
    arch: Annotated[
        str | None,
        typer.Option(
            help="Architecture that a checkpoint's weights belong to: built in (cnn, mlp), or a callable of your own.",
            **values.name("NAME|MODULE:CALLABLE"),
        ),
        CardKey("architecture", "name"),
    ] = None
    input_range: Annotated[
        Box | None,
        typer.Option(
            help="Range of the network's input values.",
            show_default="0,1, or the whole range of an 8- or 16-bit integer input",
            **values.RANGE,
        ),
        CardKey("preprocessing", "input_range"),
    ] = None
    mean: Annotated[
        tuple[float, ...] | None,
        typer.Option(help="Subtracted from each channel, in units of the input range.", **values.NUMBERS),
        CardKey("preprocessing", "mean"),
    ] = None
    std: Annotated[
        tuple[float, ...] | None,
        typer.Option(help="Divides each channel, in units of the input range.", **values.NUMBERS),
        CardKey("preprocessing", "std"),
    ] = None
    layout: Annotated[
        str | None,
        typer.Option(
            help="Order of the axes of the network's input, or of images that are flattened for it.",
            show_default="auto",
            **values.choice(("auto", *Layout)),
        ),
        CardKey("preprocessing", "layout"),
    ] = None
    channels: Annotated[
        ChannelOrder | None,
        typer.Option(help="Order of the colour channels.", show_default="rgb", **values.member(ChannelOrder)),
        CardKey("preprocessing", "channels"),
    ] = None
    input_shape: Annotated[
        tuple[int, ...] | None,
        typer.Option(
            help="Shape of one input in the network's own axis order, where the file leaves it open.",
            show_default="that of the data",
            **values.SHAPE,
        ),
        CardKey("preprocessing", "input_shape"),
    ] = None
    output_name: Annotated[
        str | None,
        typer.Option(help="Output that holds the scores, for an ONNX file with several.", **values.name("NAME")),
        CardKey("preprocessing", "output_name"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModelOptions(ModelOptions):
    """The model, and how it is deployed."""

    serve_as: Annotated[
        ServeAs | None,
        typer.Option(
            help="ONNX Runtime sessions that count as deployed: exact computes what the file says, default is what opens "
            "without options on this machine; with any, the model is broken if either of them is.",
            show_default="any",
            **values.member(ServeAs),
        ),
        CardKey("deployment", "serve_as"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions(Options):
    """Which images."""

    PANEL: ClassVar[str] = "Data"

    source: Annotated[
        str | None,
        typer.Option(
            "--data",
            help=".npz file with x and y, folder or .zip with a folder for each class, or torchvision name.",
            **paths.DATA,
        ),
        CardKey("data", "source"),
    ] = None
    data_root: Annotated[
        Path | None,
        typer.Option(help="Folder where torchvision keeps its data sets.", **paths.DATA_ROOT),
        CardKey("data", "root"),
    ] = None
    samples: Annotated[
        int | None,
        typer.Option(help="Number of images to draw.", show_default="300", **values.whole()),
        CardKey("data", "samples"),
    ] = None
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of the sample and of the attacks.", show_default="0", **values.whole(0)),
        CardKey("data", "seed"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FewerImages(DataOptions):
    """Which images, of measurements that take long."""

    samples: Annotated[
        int | None, typer.Option(help="Number of images to draw.", **values.whole()), CardKey("data", "samples")
    ] = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreatOptions(Options):
    """What an adversary may change."""

    PANEL: ClassVar[str] = "Threat"

    norm: Annotated[
        Norm | None,
        typer.Option(help="Norm of the perturbation.", show_default="linf", **values.member(Norm)),
        CardKey("threat", "norm"),
    ] = None
    eps: Annotated[
        float | None,
        typer.Option(
            help="Radius in units of the [0,1] image: 8/255, 8px or 0.03.",
            show_default="8/255, for l2 120/255",
            **values.LENGTH,
        ),
        CardKey("threat", "eps"),
    ] = None
    image_bits: Annotated[
        int | None,
        typer.Option(
            help="Count only images that pixels of this many bits can store, such as 8 for PNG.",
            **values.whole(*IMAGE_BITS, metavar="BITS"),
        ),
        CardKey("threat", "image_bits"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOptions(Options):
    """The steps of an attack."""

    PANEL: ClassVar[str] = "Attack"

    steps: Annotated[
        int | None,
        typer.Option(help="Steps of the attack.", show_default="20", **values.whole()),
        CardKey("attack", "steps"),
    ] = None
    step_size: Annotated[
        float | None,
        typer.Option(
            help="Step size in units of the [0,1] image.",
            show_default="eps/4, for l2 eps/8, for fgsm eps",
            **values.LENGTH,
        ),
        CardKey("attack", "step_size"),
    ] = None
    restarts: Annotated[
        int | None,
        typer.Option(help="Random restarts.", show_default="1", **values.whole()),
        CardKey("attack", "restarts"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackOptions(StepOptions):
    """Everything about one attack but its method."""

    beta: Annotated[
        Beta | None,
        typer.Option(
            help="Temperature: none, njs[:RHO], hns, hns-grid, hns-sketch, hns-logit, tracked or a number.",
            show_default="none, with ++ tracked",
            **values.BETA,
        ),
        CardKey("attack", "beta"),
    ] = None
    curvature: Annotated[
        Curvature | None,
        typer.Option(
            help="Hessian of hns: linear for networks that are linear between their kinks, full for smooth networks.",
            show_default="linear",
            **values.member(Curvature),
        ),
    ] = None
    surrogate: Annotated[
        Surrogate | None,
        typer.Option(
            help="Gradient of sign and round, written KIND[:WIDTH[..END][:UNIT]], such as triangular:0.5. "
            f"Kinds: {', '.join(SurrogateKind)}. Units of the width: {', '.join(WidthUnit)}.",
            show_default="identity, with pgd++ tanh:4..0.5:reach",
            **values.SURROGATE,
        ),
        CardKey("attack", "surrogate"),
    ] = None
    loss: Annotated[
        LossKind | None,
        typer.Option(
            help=f"Loss that the attack maximises: {', '.join(LossKind)}.",
            show_default="ce",
            **values.member(LossKind, "LOSS"),
        ),
        CardKey("attack", "loss"),
    ] = None
    error_signal: Annotated[
        ErrorSignal,
        typer.Option(
            help="Arithmetic of the loss's derivative: plain underflows as in other libraries, exact never does.",
            **values.member(ErrorSignal),
        ),
    ] = ErrorSignal.AUTO
    targets: Annotated[
        int | None,
        typer.Option(help="Number of classes that a targeted loss tries.", show_default="9", **values.whole()),
        CardKey("attack", "targets"),
    ] = None
    queries: Annotated[
        int | None,
        typer.Option(
            help="Forward passes per image for square, random and hard-label.", show_default="5000", **values.whole()
        ),
        CardKey("attack", "queries"),
    ] = None
    budget: Annotated[
        Budget | None,
        typer.Option(
            help="What auto may spend: gradients per image (500), or seconds in total (30s).",
            show_default="1000",
            **values.BUDGET,
        ),
        CardKey("attack", "budget"),
    ] = None
    l2_per_channel: Annotated[
        bool,
        typer.Option("--l2-per-channel", help="Project each colour channel on its own, for comparison only."),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions(Options):
    """How thorough an audit is."""

    PANEL: ClassVar[str] = "Attack"

    substitute: Annotated[
        Path | None,
        typer.Option(
            help="Model for the transfer check; none skips the check.",
            show_default="a small float network trained on the spot",
            **paths.SUBSTITUTE,
        ),
        CardKey("substitute", "model"),
    ] = None
    effort: Annotated[
        Effort | None,
        typer.Option(
            help="quick runs ordinary attacks, temperatures and surrogates within seconds; standard runs every check; "
            "thorough runs them with the published numbers of draws and queries. `bnnaudit explain --effort` lists the cost.",
            show_default="standard",
            **values.member(Effort, "LEVEL"),
        ),
        CardKey("audit", "effort"),
    ] = None
    all_images: Annotated[
        bool | None,
        typer.Option("--all", help="Attack every image of the sample, even after the verdict is decided."),
        CardKey("audit", "all_images"),
    ] = None
    queries: Annotated[
        int | None,
        typer.Option(help="Draws per image of the random search.", show_default="set by --effort", **values.whole()),
        CardKey("attack", "queries"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions(Options):
    """What to compute with."""

    PANEL: ClassVar[str] = "Run"

    device: Annotated[
        str | None,
        typer.Option(help="Where to compute.", show_default="auto", **values.DEVICE),
        CardKey("run", "device"),
    ] = None
    batch_size: Annotated[
        int | None,
        typer.Option(help="Images per batch.", show_default="as many as memory allows", **values.whole()),
        CardKey("run", "batch_size"),
    ] = None
    threads: Annotated[
        int | None,
        typer.Option(
            help="Number of threads.",
            show_default="the fastest number, at most the available cores",
            **values.whole(),
        ),
        CardKey("run", "threads"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentOptions(Options):
    """Where a text or its JSON document goes."""

    PANEL: ClassVar[str] = "Output"

    format: Annotated[
        ReportFormat,
        typer.Option(help="How to write the report.", **values.choice(("terminal", "json"), make=ReportFormat)),
    ] = ReportFormat.TERMINAL
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the report to this file instead of stdout.", **paths.REPORT),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions(DocumentOptions):
    """Where a report goes, and how much is told on the way."""

    format: Annotated[ReportFormat, typer.Option(help="How to write the report.", **values.member(ReportFormat))] = (
        ReportFormat.TERMINAL
    )
    quiet: Quiet = False
    verbose: Verbose = False
