"""The options that commands share, a class for each panel of the help; commands name them with the module, as `options.Data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import typer

from bnnaudit.cli import paths, values
from bnnaudit.cli.command import Options, option
from bnnaudit.cli.report_files import AnyReportFile, ComparisonFile, DocumentFile, HistoryFile, ReproductionFile
from bnnaudit.cli.values import Count, Length
from bnnaudit.core.attack import Beta, Budget, Curvature, ErrorSignal, LossKind, Method
from bnnaudit.core.effort import Effort
from bnnaudit.core.facts import ChannelOrder, Layout
from bnnaudit.core.limits import LARGEST_SEED, MOST_THREADS, Limits
from bnnaudit.core.policy import Decide, FailOn
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.surrogate import Surrogate, SurrogateKind, WidthUnit
from bnnaudit.core.threat import IMAGE_BITS, Box, Norm
from bnnaudit.reports.formats import (
    WRITE_COMPARISONS,
    WRITE_EVERYTHING,
    WRITE_HISTORIES,
    WRITE_REPRODUCTIONS,
    ReportFormat,
)

LIMITS = "Limits on what files may cost, in memory, time and size; none only for files that you trust."

ModelPaths = Annotated[
    list[str],
    typer.Argument(
        help="ONNX files or checkpoints; a pattern in quotes, such as 'models/*.onnx', stands for those that fit it.",
        rich_help_panel="Model",
        **vars(paths.MODELS),
    ),
]
ModelPath = Annotated[
    Path, typer.Argument(help="ONNX file or checkpoint.", rich_help_panel="Model", **vars(paths.MODEL))
]


class Reading(Options, panel="Input"):
    """How files are read by a command that opens no network."""

    limits: Limits = option(LIMITS, value=Limits.DEFAULT)


class Network(Options, panel="Model"):
    """What the network takes and returns, where its file does not say."""

    card: paths.Card | None = option("Card to use instead of MODEL.toml next to the model.")
    trust_card: bool | None = option(
        "Let the card loosen the gate, name code to import and files outside its folder, as your own may.",
        key="policy.trust_cards",
        flags="--trust-card",
    )
    arch: values.Name | None = option(
        "Architecture of a checkpoint's network: built in (cnn, lenet, mlp, resnet18, vgg16, ...), or a callable of your own.",
        key="architecture.name",
        metavar="NAME|MODULE:CALLABLE",
    )
    input_range: Box | None = option(
        "Range of the network's input values.",
        "0,1, or the whole range of an 8- or 16-bit integer input",
        "preprocessing.input_range",
    )
    mean: values.Numbers | None = option(
        "Mean to subtract from each channel, in units of the input range.", key="preprocessing.mean"
    )
    std: values.Numbers | None = option(
        "Standard deviation to divide each channel by, in units of the input range.", key="preprocessing.std"
    )
    layout: Annotated[str, values.choice(("auto", *Layout))] | None = option(
        "Order of the axes of the network's input, or of images that are flattened for it.",
        "auto",
        "preprocessing.layout",
    )
    channels: ChannelOrder | None = option("Order of the colour channels.", "rgb", "preprocessing.channels")
    input_shape: values.Shape | None = option(
        "Shape of one input in the network's own axis order, where the file leaves it open.",
        "that of the data",
        "preprocessing.input_shape",
    )
    output_name: values.Name | None = option(
        "Output that holds the scores, for an ONNX file with several.", key="preprocessing.output_name"
    )
    limits: Limits = option(LIMITS, value=Limits.DEFAULT)


class Deployed(Network):
    """The network, and how it is deployed."""

    serve_as: ServeAs | None = option(
        "ONNX Runtime sessions that count as deployed: exact computes what the file says, default is what opens "
        "without options on this machine; with any, an attack that fools either of them counts.",
        "any",
        "deployment.serve_as",
    )


class Data(Options, panel="Data"):
    """Which images."""

    source: paths.Data | None = option(
        ".npz file with x and y, folder or .zip with a folder for each class, or torchvision name.",
        key="data.source",
        flags="--data",
    )
    data_root: paths.DataRoot | None = option("Folder where torchvision keeps its data sets.", key="data.root")
    samples: Count | None = option("Number of images to draw.", "300", "data.samples")
    seed: Annotated[int, values.whole(0, LARGEST_SEED)] | None = option(
        "Seed of the sample and of the attacks.", "0", "data.seed"
    )


class FewerImages(Data):
    """Which images, for commands that take long on each."""

    samples: Count | None = option("Number of images to draw.", "100", "data.samples", value=100)


class Threat(Options, panel="Threat"):
    """What an adversary may change."""

    norm: Norm | None = option("Norm of the perturbation.", "linf", "threat.norm")
    eps: Length | None = option(
        "Radius in units of the [0,1] image: 8/255, 8px or 0.03.", "8/255, for l2 120/255", "threat.eps"
    )
    image_bits: Annotated[int, values.whole(*IMAGE_BITS, metavar="BITS")] | None = option(
        "Count only images that pixels of this many bits can store, such as 8 for PNG.", key="threat.image_bits"
    )


class Steps(Options, panel="Attack"):
    """The steps of an attack."""

    steps: Count | None = option("Number of steps.", "20", "attack.steps")
    step_size: Length | None = option(
        "Step size in units of the [0,1] image.", "eps/4, for l2 eps/8, for fgsm eps", "attack.step_size"
    )
    restarts: Count | None = option("Number of random restarts.", "1", "attack.restarts")


class Attack(Steps):
    """Everything about one attack but its method."""

    beta: Beta | None = option(
        "Temperature: none, njs[:RHO], hns, hns-grid, hns-sketch, hns-logit, bound[:RHO], tracked or a number.",
        "none, with ++ tracked",
        "attack.beta",
    )
    curvature: Curvature | None = option(
        "Hessian of hns: linear for networks that are linear between their kinks, full for smooth networks.", "linear"
    )
    surrogate: Surrogate | None = option(
        "Gradient of sign and round, written KIND[:WIDTH[..END][:UNIT]], such as triangular:0.5. "
        f"Kinds: {', '.join(SurrogateKind)}. Units of the width: {', '.join(WidthUnit)}.",
        "identity, with pgd++ tanh:4..0.5:reach",
        "attack.surrogate",
    )
    loss: LossKind | None = option(
        f"Loss that the attack maximises: {', '.join(LossKind)}.", "ce", "attack.loss", metavar="LOSS"
    )
    error_signal: ErrorSignal = option(
        "Arithmetic of the loss's derivative: plain underflows as in other libraries, exact never does.",
        value=ErrorSignal.AUTO,
    )
    targets: Count | None = option("Number of classes that a targeted loss tries.", "9", "attack.targets")
    queries: Count | None = option(
        f"Forward passes per image for {', '.join(method for method in Method if method.searches)}.",
        "5000",
        "attack.queries",
    )
    budget: Budget | None = option(
        "What auto may spend: gradients per image (500), or seconds in total (30s).", "1000", "attack.budget"
    )
    l2_per_channel: bool = option(
        "Project each colour channel on its own, for comparison only.", flags="--l2-per-channel", value=False
    )


class Audit(Options, panel="Attack"):
    """How thorough an audit is."""

    substitute: paths.SubstituteOrNone | None = option(
        "Model for the transfer check, such as the model's float twin; none skips the check.",
        "a small float network trained on the model's answers",
        "substitute.model",
    )
    effort: Effort | None = option(
        "quick runs ordinary attacks, temperatures and surrogates within seconds; standard runs every check; "
        "thorough runs them with the published numbers of draws and queries. `bnnaudit explain --effort` lists the cost.",
        "standard",
        "audit.effort",
        metavar="LEVEL",
    )
    all_images: bool | None = option(
        "Attack every image of the sample, even after the verdict is decided.", key="audit.all_images", flags="--all"
    )
    queries: Count | None = option("Random-search draws per image.", "set by --effort", "attack.queries")


class Run(Options, panel="Run"):
    """What to compute with."""

    device: values.Device | None = option("Where to compute.", "auto", "run.device")
    batch_size: Count | None = option("Images per batch.", "as many as memory allows", "run.batch_size")
    threads: Annotated[int, values.whole(1, MOST_THREADS)] | None = option(
        "Number of threads.", "the fastest number, at most the available cores", "run.threads"
    )


class CachedRun(Run):
    """What to compute with, for commands that keep what they computed."""

    no_cache: bool | None = option(
        "Train the substitute network anew, and keep it for no later run.", key="run.no_cache", flags="--no-cache"
    )


class Gate(Options, panel="Gate"):
    """What a model has to meet; figures are fractions (0.3) or percentages (30%)."""

    min_clean: values.Share | None = option("Least accuracy without attack, such as 0.9.", key="policy.min_clean")
    min_verified: values.Share | None = option(
        "Least accuracy that is left after every attack, such as 0.3 or 30%.", key="policy.min_verified"
    )
    max_gap: values.Share | None = option(
        "Most that the claimed accuracy may exceed the verified one by, such as 0.05.", key="policy.max_gap"
    )
    max_drop: values.Share | None = option(
        "Most that clean and verified accuracy may lie below those of the baseline, such as 0.02.",
        key="policy.max_drop",
    )
    baseline: paths.StoredReport | None = option(
        "JSON report of an earlier audit, or of several: only what is new or worse than there fails.",
        key="policy.baseline",
    )
    fail_on: FailOn | None = option(
        "Least severity of a finding that fails.", "error", "policy.fail_on", metavar="LEVEL"
    )
    decide: Decide | None = option(
        "What of a figure has to meet its threshold: its whole 95 % interval, or the estimate alone.",
        "interval",
        "policy.decide",
    )
    select: list[values.Names] | None = option(
        "Rules that count, by their codes or how these begin; can be repeated.", "all", "policy.select"
    )
    ignore: list[values.Names] | None = option("Rules that do not count; can be repeated.", "none", "policy.ignore")
    require: list[values.Names] | None = option(
        "Checks, or codes of their rules, without whose outcome nothing passes; can be repeated.",
        "none",
        "policy.require",
    )


class Document(Options, panel="Output"):
    """Where a text or its JSON document goes."""

    format: Annotated[ReportFormat, values.choice(WRITE_EVERYTHING, make=ReportFormat)] | None = option(
        f"How to write the report to stdout, or to --output whatever its suffix: {', '.join(WRITE_EVERYTHING)}.",
        "terminal",
        metavar="FORMAT",
    )
    output: paths.Report | None = option("Write the report to this file instead of stdout.", flags="--output -o")

    formats: ClassVar[tuple[ReportFormat, ...]] = WRITE_EVERYTHING


class Output(Document):
    """Where a document goes, and how much is shown on the way."""

    report: list[DocumentFile] | None = option(
        "Also write the report to this file, in the format named or that its suffix tells; can be repeated."
    )
    quiet: bool = option("Show no progress on stderr.", flags="--quiet -q", value=False)
    verbose: bool = option("More detail, and a traceback if bnnaudit itself fails.", flags="--verbose -v", value=False)


class Report(Output):
    """Where a report goes that can be written in every format."""

    format: ReportFormat | None = option(
        f"How to write the report to stdout, or to --output whatever its suffix: {', '.join(ReportFormat)}.",
        "terminal",
        metavar="FORMAT",
    )
    report: list[AnyReportFile] | None = option(
        "Also write the report to this file, in the format named or that its suffix tells; can be repeated."
    )

    formats: ClassVar[tuple[ReportFormat, ...]] = tuple(ReportFormat)


class Comparison(Output):
    """Where a comparison of releases goes."""

    format: Annotated[ReportFormat, values.choice(WRITE_COMPARISONS, make=ReportFormat)] | None = option(
        f"How to write it to stdout, or to --output whatever its suffix: {', '.join(WRITE_COMPARISONS)}.",
        "terminal",
        metavar="FORMAT",
    )
    report: list[ComparisonFile] | None = option(
        "Also write it to this file, in the format named or that its suffix tells; can be repeated."
    )

    formats: ClassVar[tuple[ReportFormat, ...]] = WRITE_COMPARISONS


class Reproduced(Output):
    """Where the paper's tables and figures go."""

    format: Annotated[ReportFormat, values.choice(WRITE_REPRODUCTIONS, make=ReportFormat)] | None = option(
        f"How to write them to stdout, or to --output whatever its suffix: {', '.join(WRITE_REPRODUCTIONS)}.",
        "terminal",
        metavar="FORMAT",
    )
    report: list[ReproductionFile] | None = option(
        "Also write them to this file, in the format named or that its suffix tells; can be repeated."
    )

    formats: ClassVar[tuple[ReportFormat, ...]] = WRITE_REPRODUCTIONS


class PlottedHistory(Output):
    """Where a history goes, and its picture."""

    format: Annotated[ReportFormat, values.choice(WRITE_HISTORIES, make=ReportFormat)] | None = option(
        f"How to write it to stdout, or to --output whatever its suffix: {', '.join(WRITE_HISTORIES)}.",
        "terminal",
        metavar="FORMAT",
    )
    report: list[HistoryFile] | None = option(
        "Also write it to this file, in the format named or that its suffix tells; can be repeated."
    )
    plot: paths.Picture | None = option("Also draw the accuracies, as a picture in this file.")

    formats: ClassVar[tuple[ReportFormat, ...]] = WRITE_HISTORIES


class WithEvidence(Report):
    """Where a report goes, and the counterexamples that it rests on."""

    evidence: paths.Evidence | None = option(
        "Write the counterexamples, with all that `bnnaudit verify` needs to replay them, to this folder or .zip."
    )


class WithHistory(WithEvidence):
    """Where the report of an audit goes, and the folder that keeps all of them."""

    history: paths.HistoryFolder | None = option(
        "Keep the report of each audit in this folder, for `bnnaudit history`."
    )


class Plotted(Report):
    """Where a report and its picture go."""

    plot: paths.Picture | None = option("Also draw the result, as a picture in this file.")
