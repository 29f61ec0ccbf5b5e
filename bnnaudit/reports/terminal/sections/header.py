"""What was audited, on what, under which threat, and by what."""

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.report import Environment, Extent, Report, Serving
from bnnaudit.core.serving import ServeAs
from bnnaudit.reports.numbers import percent, plural, steps_text, threat_text, with_interval
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.drawing import Parts
from bnnaudit.reports.terminal.model_lines import (
    file_line,
    gradient_line,
    input_line,
    precision_line,
    single_score,
    steps_line,
)
from bnnaudit.reports.terminal.typesetting import labelled

DEPENDS = "with another number the figures can differ by an image or so, because sums round differently"
"""Said of threads where the bits were seen to differ."""


def scores_rows(report: Report, page: Page) -> list[tuple[str, RenderableType]]:
    """What attacks climb where that is not the output, how a single score is read, and how many images end in a tie."""
    facts, output = report.model, report.output
    lines = []
    if facts.single:
        lines.append(single_score(facts))
    if facts.scores is not None:
        climbed = f"tensor {facts.scores.tensor!r} ({facts.scores.operator})"
        climbed = f"the logarithm of {climbed}" if facts.scores.logarithm else climbed
        lines.append(f"attacks follow {climbed}, and the output decides: {facts.scores.why}")
    if output is not None and output.tied:
        lines.append(
            f"the two largest are equal on {output.tied} of {output.images} clean images: the first class wins"
        )
    return [("Scores" if index == 0 else "", page.text(line)) for index, line in enumerate(lines)]


def header(report: Report, page: Page) -> Parts:
    """Never empty: a reader must see what a result is about."""
    facts, environment = report.model, report.environment
    gradient = gradient_line(facts, page)
    rows: list[tuple[str, RenderableType]] = [
        ("Model", page.text(facts.path, "bold")),
        ("", file_line(facts, page)),
        ("Precision", precision_line(facts, page)),
        ("", steps_line(facts, page)),
        *([("Gradient", gradient)] if gradient is not None else []),
        ("Input", input_line(facts, page)),
        *scores_rows(report, page),
        ("Data", page.text(f"{report.data.source}, {plural(report.data.samples, 'image')}")),
    ]
    if report.extent is not None and report.extent.ended_early:
        rows.append(("", page.text(_extent_line(report.extent))))
    if not report.data.labelled:
        rows.append(("", page.text("no labels: judged against the model's own predictions", "yellow")))
    rows += [
        ("Threat", page.text(threat_text(report.threat), "bold")),
        *(("", page.text(text)) for text in (steps_text(report.threat),) if text),
        ("Clean accuracy", page.text(with_interval(report.clean_accuracy), "bold")),
        *_serving_lines(report.serving, page),
        ("Replayed on", page.text(facts.runtime or "not known")),
        ("Attacked with", page.text(f"PyTorch {environment.torch} on {environment.device}")),
        *_threads(environment, page),
    ]
    made = report.provenance
    title = Text.assemble(("bnnaudit", "bold cyan"), page.text(f" {made.version}   {made.command}", "dim"))
    return [title, Text(""), labelled(rows)]


def _threads(environment: Environment, page: Page) -> list[tuple[str, RenderableType]]:
    """The number of threads where it matters for the figures."""
    if not environment.thread_dependent:
        return []
    return [("", page.text(f"{plural(environment.threads, 'thread')}: {DEPENDS}"))]


_SERVED_AS = {
    ServeAs.ANY: "any session: an image is fooled if an exact one or a default one of this machine gets it wrong",
    ServeAs.EXACT: "an exact session, which computes what the file says",
    ServeAs.DEFAULT: "a default session of this machine, opened without options",
}


def _serving_lines(serving: Serving | None, page: Page) -> list[tuple[str, RenderableType]]:
    """Which sessions count, and what they get right without attack; nothing where they are the same."""
    if serving is None:
        return []
    clean = serving.clean
    figures = f"without attack exact {percent(clean.exact.value)}, default {percent(clean.default.value)}"
    return [
        ("Served in", page.text(_SERVED_AS[serving.serve_as])),
        ("", page.text(f"{figures}; they differ on {plural(clean.between, 'image')}")),
    ]


def _extent_line(extent: Extent) -> str:
    return f"{extent.attacked} of them attacked, enough to decide the verdict; --all attacks the others too"
