"""What was audited, on what, under which threat, and by what."""

from rich.text import Text

from bnnaudit.core.report import Report, Serving
from bnnaudit.core.serving import ServeAs
from bnnaudit.reports.model_words import output_line
from bnnaudit.reports.numbers import percent, plural, steps_text, threat_text, with_interval
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.model_lines import Row, model_rows
from bnnaudit.reports.terminal.typesetting import Parts, labelled

DEPENDS = "with another number the figures can differ by an image or so, because sums round differently"
"""Said of threads where the bits were seen to differ."""
_SERVED_AS = {
    ServeAs.ANY: "any session: an image is fooled if an exact one or a default one of this machine gets it wrong",
    ServeAs.EXACT: "an exact session, which computes what the file says",
    ServeAs.DEFAULT: "a default session of this machine, opened without options",
}


def _scores(report: Report, page: Page) -> list[Row]:
    """What attacks climb where that is not the output, how a single score is read, and how many images end in a tie."""
    facts, output = report.model, report.output
    lines = []
    if facts.single:
        lines.append(output_line(facts))
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
    rows: list[Row] = [
        ("Model", page.text(facts.path, "bold")),
        *model_rows("", facts, page),
        *_scores(report, page),
        ("Data", page.text(f"{report.data.source}, {plural(report.data.samples, 'image')}")),
    ]
    if report.extent is not None and report.extent.ended_early:
        words = "of them attacked, enough to decide the verdict; --all attacks the others too"
        rows.append(("", page.text(f"{report.extent.attacked} {words}")))
    if not report.data.labelled:
        rows.append(("", page.text("no labels: judged against the model's own predictions", "yellow")))
    rows += [
        ("Threat", page.text(threat_text(report.threat), "bold")),
        *(("", page.text(text)) for text in (steps_text(report.threat),) if text),
        ("Clean accuracy", page.text(with_interval(report.clean_accuracy), "bold")),
        *_serving(report.serving, page),
        ("Replayed on", page.text(facts.runtime or "not known")),
        ("Attacked with", page.text(f"PyTorch {environment.torch} on {environment.device}")),
    ]
    if environment.thread_dependent:
        rows.append(("", page.text(f"{plural(environment.threads, 'thread')}: {DEPENDS}")))
    made = report.provenance
    title = Text.assemble(("bnnaudit", "bold cyan"), page.text(f" {made.version}   {made.command}", "dim"))
    return [title, Text(""), labelled(rows)]


def _serving(serving: Serving | None, page: Page) -> list[Row]:
    """Which sessions count, and what they get right without attack; nothing where they are the same."""
    if serving is None:
        return []
    clean = serving.clean
    figures = f"without attack exact {percent(clean.exact.value)}, default {percent(clean.default.value)}"
    return [
        ("Served in", page.text(_SERVED_AS[serving.serve_as])),
        ("", page.text(f"{figures}; they differ on {plural(clean.between, 'image')}")),
    ]
