"""The options that commands share, a class for each panel of the help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bnnaudit.cli import paths, values
from bnnaudit.cli.command import Option, Options
from bnnaudit.core.attack import Beta, Budget, Curvature, ErrorSignal, LossKind
from bnnaudit.core.effort import Effort
from bnnaudit.core.facts import ChannelOrder, Layout
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.surrogate import Surrogate, SurrogateKind, WidthUnit
from bnnaudit.core.threat import IMAGE_BITS, Box, Norm
from bnnaudit.reports.table import WRITE_EVERYTHING, ReportFormat

ModelPath = Annotated[Path, typer.Argument(help="ONNX file or checkpoint.", rich_help_panel="Model", **paths.MODEL)]
Count = int | None
Numbers = tuple[float, ...] | None


class NetworkOptions(Options, panel="Model"):
    """What the network takes and returns, where its file does not tell."""

    card: Annotated[Path | None, Option("Card to use instead of MODEL.toml next to the model.", paths.CARD)] = None
    arch: Annotated[
        str | None,
        Option(
            "Architecture of a checkpoint's network: built in (cnn, mlp), or a callable of your own.",
            values.name("NAME|MODULE:CALLABLE"),
            key="architecture.name",
        ),
    ] = None
    input_range: Annotated[
        Box | None,
        Option(
            "Range of the network's input values.",
            values.RANGE,
            "0,1, or the whole range of an 8- or 16-bit integer input",
            "preprocessing.input_range",
        ),
    ] = None
    mean: Annotated[
        Numbers,
        Option(
            "Mean to subtract from each channel, in units of the input range.", values.NUMBERS, key="preprocessing.mean"
        ),
    ] = None
    std: Annotated[
        Numbers,
        Option(
            "Standard deviation to divide each channel by, in units of the input range.",
            values.NUMBERS,
            key="preprocessing.std",
        ),
    ] = None
    layout: Annotated[
        str | None,
        Option(
            "Order of the axes of the network's input, or of images that are flattened for it.",
            values.choice(("auto", *Layout)),
            "auto",
            "preprocessing.layout",
        ),
    ] = None
    channels: Annotated[
        ChannelOrder | None,
        Option("Order of the colour channels.", values.member(ChannelOrder), "rgb", "preprocessing.channels"),
    ] = None
    input_shape: Annotated[
        tuple[int, ...] | None,
        Option(
            "Shape of one input in the network's own axis order, where the file leaves it open.",
            values.SHAPE,
            "that of the data",
            "preprocessing.input_shape",
        ),
    ] = None
    output_name: Annotated[
        str | None,
        Option(
            "Output that holds the scores, for an ONNX file with several.",
            values.name("NAME"),
            key="preprocessing.output_name",
        ),
    ] = None


class DeployedOptions(NetworkOptions):
    """The network, and how it is deployed."""

    serve_as: Annotated[
        ServeAs | None,
        Option(
            "ONNX Runtime sessions that count as deployed: exact computes what the file says, default is what opens "
            "without options on this machine; with any, the model is broken if either of them is.",
            values.member(ServeAs),
            "any",
            "deployment.serve_as",
        ),
    ] = None


class DataOptions(Options, panel="Data"):
    """Which images."""

    source: Annotated[
        str | None,
        Option(
            ".npz file with x and y, folder or .zip with a folder for each class, or torchvision name.",
            paths.DATA,
            key="data.source",
            flags="--data",
        ),
    ] = None
    data_root: Annotated[
        Path | None, Option("Folder where torchvision keeps its data sets.", paths.DATA_ROOT, key="data.root")
    ] = None
    samples: Annotated[Count, Option("Number of images to draw.", values.whole(), "300", "data.samples")] = None
    seed: Annotated[Count, Option("Seed of the sample and of the attacks.", values.whole(0), "0", "data.seed")] = None


class FewerImages(DataOptions):
    """Which images, for what takes long on each."""

    samples: Annotated[Count, Option("Number of images to draw.", values.whole(), "100", "data.samples")] = 100


class ThreatOptions(Options, panel="Threat"):
    """What an adversary may change."""

    norm: Annotated[Norm | None, Option("Norm of the perturbation.", values.member(Norm), "linf", "threat.norm")] = None
    eps: Annotated[
        float | None,
        Option(
            "Radius in units of the [0,1] image: 8/255, 8px or 0.03.",
            values.LENGTH,
            "8/255, for l2 120/255",
            "threat.eps",
        ),
    ] = None
    image_bits: Annotated[
        Count,
        Option(
            "Count only images that pixels of this many bits can store, such as 8 for PNG.",
            values.whole(*IMAGE_BITS, metavar="BITS"),
            key="threat.image_bits",
        ),
    ] = None


class StepOptions(Options, panel="Attack"):
    """The steps of an attack."""

    steps: Annotated[Count, Option("Number of steps.", values.whole(), "20", "attack.steps")] = None
    step_size: Annotated[
        float | None,
        Option(
            "Step size in units of the [0,1] image.",
            values.LENGTH,
            "eps/4, for l2 eps/8, for fgsm eps",
            "attack.step_size",
        ),
    ] = None
    restarts: Annotated[Count, Option("Number of random restarts.", values.whole(), "1", "attack.restarts")] = None


class AttackOptions(StepOptions):
    """Everything about one attack but its method."""

    beta: Annotated[
        Beta | None,
        Option(
            "Temperature: none, njs[:RHO], hns, hns-grid, hns-sketch, hns-logit, tracked or a number.",
            values.BETA,
            "none, with ++ tracked",
            "attack.beta",
        ),
    ] = None
    curvature: Annotated[
        Curvature | None,
        Option(
            "Hessian of hns: linear for networks that are linear between their kinks, full for smooth networks.",
            values.member(Curvature),
            "linear",
        ),
    ] = None
    surrogate: Annotated[
        Surrogate | None,
        Option(
            "Gradient of sign and round, written KIND[:WIDTH[..END][:UNIT]], such as triangular:0.5. "
            f"Kinds: {', '.join(SurrogateKind)}. Units of the width: {', '.join(WidthUnit)}.",
            values.SURROGATE,
            "identity, with pgd++ tanh:4..0.5:reach",
            "attack.surrogate",
        ),
    ] = None
    loss: Annotated[
        LossKind | None,
        Option(
            f"Loss that the attack maximises: {', '.join(LossKind)}.",
            values.member(LossKind, "LOSS"),
            "ce",
            "attack.loss",
        ),
    ] = None
    error_signal: Annotated[
        ErrorSignal,
        Option(
            "Arithmetic of the loss's derivative: plain underflows as in other libraries, exact never does.",
            values.member(ErrorSignal),
        ),
    ] = ErrorSignal.AUTO
    targets: Annotated[
        Count, Option("Number of classes that a targeted loss tries.", values.whole(), "9", "attack.targets")
    ] = None
    queries: Annotated[
        Count,
        Option("Forward passes per image for square, random and hard-label.", values.whole(), "5000", "attack.queries"),
    ] = None
    budget: Annotated[
        Budget | None,
        Option(
            "What auto may spend: gradients per image (500), or seconds in total (30s).",
            values.BUDGET,
            "1000",
            "attack.budget",
        ),
    ] = None
    l2_per_channel: Annotated[
        bool, Option("Project each colour channel on its own, for comparison only.", flags="--l2-per-channel")
    ] = False


class AuditOptions(Options, panel="Attack"):
    """How thorough an audit is."""

    substitute: Annotated[
        Path | None,
        Option(
            "Model for the transfer check; none skips the check.",
            paths.SUBSTITUTE,
            "a small float network trained on the spot",
            "substitute.model",
        ),
    ] = None
    effort: Annotated[
        Effort | None,
        Option(
            "quick runs ordinary attacks, temperatures and surrogates within seconds; standard runs every check; "
            "thorough runs them with the published numbers of draws and queries. `bnnaudit explain --effort` lists the cost.",
            values.member(Effort, "LEVEL"),
            "standard",
            "audit.effort",
        ),
    ] = None
    all_images: Annotated[
        bool | None,
        Option(
            "Attack every image of the sample, even after the verdict is decided.",
            key="audit.all_images",
            flags="--all",
        ),
    ] = None
    queries: Annotated[
        Count, Option("Draws per image of the random search.", values.whole(), "set by --effort", "attack.queries")
    ] = None


class RunOptions(Options, panel="Run"):
    """What to compute with."""

    device: Annotated[str | None, Option("Where to compute.", values.DEVICE, "auto", "run.device")] = None
    batch_size: Annotated[
        Count, Option("Images per batch.", values.whole(), "as many as memory allows", "run.batch_size")
    ] = None
    threads: Annotated[
        Count,
        Option("Number of threads.", values.whole(), "the fastest number, at most the available cores", "run.threads"),
    ] = None


class DocumentOptions(Options, panel="Output"):
    """Where a text or its JSON document goes."""

    format: Annotated[
        ReportFormat, Option("How to write the report.", values.choice(WRITE_EVERYTHING, make=ReportFormat))
    ] = ReportFormat.TERMINAL
    output: Annotated[
        Path | None, Option("Write the report to this file instead of stdout.", paths.REPORT, flags="--output -o")
    ] = None


class OutputOptions(DocumentOptions):
    """Where a document goes, and how much is told on the way."""

    quiet: Annotated[bool, Option("Show no progress on stderr.", flags="--quiet -q")] = False
    verbose: Annotated[bool, Option("More detail, and a traceback if bnnaudit itself fails.", flags="--verbose -v")] = (
        False
    )


class ReportOptions(OutputOptions):
    """Where a report goes that can be written in every format."""

    format: Annotated[ReportFormat, Option("How to write the report.", values.member(ReportFormat))] = (
        ReportFormat.TERMINAL
    )


class PlottedOptions(ReportOptions):
    """Where a report and its picture go."""

    plot: Annotated[Path | None, Option("Also draw the result, as a picture in this file.", paths.PICTURE)] = None
