"""What the template of one report sets, ready to be set: everything in words and positions."""

from __future__ import annotations

from dataclasses import dataclass

from bnnaudit.core.policy import Policy
from bnnaudit.core.report import SCALINGS, Report, Serving
from bnnaudit.core.serving import ServeAs
from bnnaudit.reports.baseline_words import baseline_rows, gone_lines
from bnnaudit.reports.citation import citation
from bnnaudit.reports.html.accuracy_chart import AccuracyRow, accuracy_rows
from bnnaudit.reports.html.chain import Chapter, Link, chain, chapters, nothing_found
from bnnaudit.reports.html.headline import TONES, Headline, Tone, headline, sentence
from bnnaudit.reports.html.image_view import Card, ImageLine, cards, lines
from bnnaudit.reports.html.line_chart import LineChart, curve_charts, sweep_chart
from bnnaudit.reports.html.measured_words import AttackLine, PlaceLine, attack_line, ends, place_lines, signal_lines
from bnnaudit.reports.html.room import Room
from bnnaudit.reports.model_words import model_words, output_line
from bnnaudit.reports.numbers import count, percent, plural, steps_text, threat_text
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.substitute_words import substitute_words
from bnnaudit.reports.verdict_words import ANSWERS, found_words, remedy_words

Words = tuple[tuple[str, str], ...]
_SERVED_AS = {
    ServeAs.ANY: "any session: an image is fooled if an exact one or a default one of this machine gets it wrong",
    ServeAs.EXACT: "an exact session, which computes what the file says",
    ServeAs.DEFAULT: "a default session of this machine, opened without options",
}


@dataclass(frozen=True, slots=True)
class CriterionLine:
    """One thing that the gate was asked, in words."""

    asked: str
    answer: str
    tone: Tone
    found: str


@dataclass(frozen=True, slots=True)
class ReportView:
    """One report. key: begins the anchors of its parts, so that several reports share a page."""

    key: str
    report: Report
    headline: Headline
    accuracies: tuple[AccuracyRow, ...]
    remedy: str
    criteria: tuple[CriterionLine, ...]
    model: Words
    sweeps: tuple[LineChart, ...]
    attacks: tuple[AttackLine, ...]
    substitute: str
    scalings: tuple[str, ...]
    signal: tuple[tuple[str, tuple[str, ...]], ...]
    places: tuple[PlaceLine, ...]
    ends: tuple[tuple[str, str, bool], ...]
    curves: tuple[LineChart, ...]
    chain: tuple[Link, ...]
    chapters: tuple[Chapter, ...]
    nothing_found: str
    cards: tuple[Card, ...]
    images: tuple[ImageLine, ...]
    skipped: Words
    settings: Words
    citation: str


def report_view(report: Report, key: str, room: Room) -> ReportView:
    """As much of the report as there is room for."""
    signal = report.signal
    drawn = [sweep_chart(sweep) for sweep in report.sweeps[: room.entries]]
    return ReportView(
        key=key,
        report=report,
        headline=headline(report),
        accuracies=accuracy_rows(report),
        remedy="" if report.remedy is None else sentence(remedy_words(report.remedy)),
        criteria=_criteria(report, room),
        model=_model(report),
        sweeps=tuple(chart for chart in drawn if chart is not None),
        attacks=tuple(attack_line(row, report) for row in report.attacks[: room.entries]),
        substitute=substitute_words(report),
        scalings=tuple(SCALINGS.values()),
        signal=() if signal is None else signal_lines(signal),
        places=() if signal is None else place_lines(signal, room.entries),
        ends=ends(report),
        curves=() if signal is None else curve_charts(signal),
        chain=chain(report),
        chapters=chapters(report),
        nothing_found=nothing_found(report),
        cards=cards(report, room.pictures),
        images=lines(report, room.rows),
        skipped=_skipped(report),
        settings=_settings(report),
        citation=citation(report),
    )


def _criteria(report: Report, room: Room) -> tuple[CriterionLine, ...]:
    criteria = () if report.gate is None else report.gate.criteria[: room.entries]
    return tuple(
        CriterionLine(one.asked, ANSWERS[one.outcome], TONES[one.outcome], found_words(one)) for one in criteria
    )


def _model(report: Report) -> Words:
    """What the file says, how it was served, and what attacks climb where that is not the output."""
    facts, output = report.model, report.output
    rows = [("File", facts.path), *model_words("Format", facts), ("Output", output_line(facts))]
    if facts.scores is not None:
        climbed = f"{'the logarithm of ' if facts.scores.logarithm else ''}tensor {short(facts.scores.tensor)}"
        rows.append(("Attacked at", f"{climbed} ({short(facts.scores.operator)}): {facts.scores.why}"))
    if output is not None and output.tied:
        rows.append(("Ties", f"the two largest scores are equal on {output.tied} of {output.images} clean images"))
    if facts.operators:
        rows.append(("Operators", ", ".join(f"{entry.count} x {short(entry.op)}" for entry in facts.operators)))
    rows.append(("Replayed on", facts.runtime or "not known"))
    rows += _serving(report.serving)
    rows += [(f"Metadata: {name}", value) for name, value in facts.metadata]
    return tuple((label or "Steps", words) for label, words in rows)


def _serving(serving: Serving | None) -> list[tuple[str, str]]:
    if serving is None:
        return []
    clean = serving.clean
    figures = f"without attack exact {percent(clean.exact.value)}, default {percent(clean.default.value)}"
    return [
        ("Served in", _SERVED_AS[serving.serve_as]),
        ("Sessions", f"{figures}; they differ on {plural(clean.between, 'image')}"),
    ]


def _skipped(report: Report) -> Words:
    """A line for each reason with all its checks."""
    reasons: dict[str, list[str]] = {}
    for skip in report.skipped:
        reasons.setdefault(skip.why, []).append(skip.check)
    return tuple((", ".join(checks), why) for why, checks in reasons.items())


def _settings(report: Report) -> Words:
    """Everything that a repetition needs beside the command."""
    made, data, environment = report.provenance, report.data, report.environment
    rows = [
        (
            "Data",
            f"{short(data.source)}, {plural(data.samples, 'image')}" + ("" if data.labelled else ", without labels"),
        ),
        ("Threat", ", ".join(text for text in (threat_text(report.threat), steps_text(report.threat)) if text)),
    ]
    extent = report.extent
    if extent is not None:
        early = ", enough to decide the verdict" if extent.ended_early else ""
        rows.append(("Attacked", f"{count(extent.attacked)} of {plural(extent.available, 'image')}{early}"))
    if report.effort is not None:
        rows.append(("Effort", str(report.effort)))
    if report.checks:
        numbers = (len(report.checks), len(report.skipped), len(report.faults))
        rows.append(("Checks", "{} in the catalogue, {} skipped, {} broken".format(*map(count, numbers))))
    if report.comparisons:
        rows.append(
            ("Comparisons", f"{count(report.comparisons)}, for which the significance of findings is corrected")
        )
    if report.gate is not None:
        rows += _policy(report.gate.policy)
    if report.baseline is not None:
        rows += baseline_rows(report.baseline)
        rows += [(f"Gone: {name}", words) for name, words in gone_lines(report.baseline)]
    rows += [
        ("Model, SHA-256", report.model.sha256),
        ("Data, SHA-256", data.sha256),
        ("Made by", f"bnnaudit {made.version} at {made.created}"),
        (
            "Environment",
            f"Python {environment.python}, PyTorch {environment.torch}, ONNX Runtime {environment.onnxruntime}",
        ),
        ("Device", f"{short(environment.device)}, {plural(environment.threads, 'thread')}"),
    ]
    if environment.thread_dependent:
        depends = ", ".join(environment.thread_dependent)
        rows.append(
            ("Depends on threads", f"{depends}: with another number of threads figures can differ by an image or so")
        )
    return tuple(rows)


def _policy(policy: Policy) -> list[tuple[str, str]]:
    rows = [
        ("Findings fail from", str(policy.fail_on)),
        ("Figures are compared by", "their 95 % interval" if policy.decide == "interval" else "the estimate alone"),
    ]
    lists = (("Rules selected", policy.select), ("Rules ignored", policy.ignore), ("Checks required", policy.require))
    return rows + [(label, ", ".join(names)) for label, names in lists if names]
