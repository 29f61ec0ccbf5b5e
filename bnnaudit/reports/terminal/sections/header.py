"""What was audited, on what, under which threat, and by what."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.report import Environment, Extent, Report, Serving
from bnnaudit.core.serving import ServeAs
from bnnaudit.reports.numbers import percent, plural, steps_text, threat_text, with_interval
from bnnaudit.reports.terminal.model_lines import file_line, gradient_line, input_line, precision_line, steps_line
from bnnaudit.reports.terminal.style import Look
from bnnaudit.reports.terminal.typesetting import labelled

DEPENDS = "another number can change what attacks find by an image or so, as sums have other last bits"
"""Said of threads where the bits were seen to differ."""


def scores_rows(report: Report, look: Look) -> list[tuple[str, RenderableType]]:
    """What attacks climb where that is not the output, how a single score is read, and how many images end in a tie."""
    facts, output = report.model, report.output
    lines = []
    if facts.single:
        lines.append(f"a single {facts.single} for each image, that of the second of two classes")
    if facts.scores is not None:
        climbed = f"tensor {facts.scores.tensor!r} ({facts.scores.operator})"
        climbed = f"the logarithm of {climbed}" if facts.scores.logarithm else climbed
        lines.append(f"attacks climb {climbed}, the output judges: {facts.scores.why}")
    if output is not None and output.tied:
        lines.append(
            f"the two largest are equal on {output.tied} of {output.images} clean images: the first class wins"
        )
    return [("Scores" if index == 0 else "", look.text(line)) for index, line in enumerate(lines)]


def header(report: Report, look: Look) -> Sequence[RenderableType]:
    """Never empty: a reader must see what a result is about."""
    facts, environment = report.model, report.environment
    gradient = gradient_line(facts, look)
    rows: list[tuple[str, RenderableType]] = [
        ("Model", look.text(facts.path, "bold")),
        ("", file_line(facts, look)),
        ("Precision", precision_line(facts, look)),
        ("", steps_line(facts, look)),
        *([("Gradient", gradient)] if gradient is not None else []),
        ("Input", input_line(facts, look)),
        *scores_rows(report, look),
        ("Data", look.text(f"{report.data.source}, {plural(report.data.samples, 'image')}")),
    ]
    if report.extent is not None and report.extent.ended_early:
        rows.append(("", look.text(_extent_line(report.extent))))
    if not report.data.labelled:
        rows.append(("", look.text("no labels: judged against the model's own predictions", "yellow")))
    rows += [
        ("Threat", look.text(threat_text(report.threat), "bold")),
        *(("", look.text(text)) for text in (steps_text(report.threat),) if text),
        ("Clean accuracy", look.text(with_interval(report.clean_accuracy), "bold")),
        *_serving_lines(report.serving, look),
        ("Replayed on", look.text(facts.runtime or "not known")),
        ("Attacked with", look.text(f"PyTorch {environment.torch} on {environment.device}")),
        *_threads(environment, look),
    ]
    made = report.provenance
    title = Text.assemble(("bnnaudit", "bold cyan"), look.text(f" {made.version}   {made.command}", "dim"))
    return [title, Text(""), labelled(rows)]


def _threads(environment: Environment, look: Look) -> list[tuple[str, RenderableType]]:
    """The number of threads where it matters for the figures."""
    if not environment.thread_dependent:
        return []
    return [("", look.text(f"{plural(environment.threads, 'thread')}: {DEPENDS}"))]


_SERVED_AS = {
    ServeAs.ANY: "any session: broken is what an exact one or a default one of this machine gets wrong",
    ServeAs.EXACT: "an exact session, which computes what the file says",
    ServeAs.DEFAULT: "a default session of this machine, opened without options",
}


def _serving_lines(serving: Serving | None, look: Look) -> list[tuple[str, RenderableType]]:
    """Which sessions count, and what they get right without attack; nothing where they are the same."""
    if serving is None:
        return []
    clean = serving.clean
    figures = f"without attack exact {percent(clean.exact.value)}, default {percent(clean.default.value)}"
    return [
        ("Served in", look.text(_SERVED_AS[serving.serve_as])),
        ("", look.text(f"{figures}, {plural(clean.between, 'image')} between them")),
    ]


def _extent_line(extent: Extent) -> str:
    return f"{extent.attacked} of them attacked, which decide the verdict; --all attacks the others too"
