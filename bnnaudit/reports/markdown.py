"""Audits as GitHub-flavoured Markdown, for the summary of a job or a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bnnaudit.core.comparison import Comparison
from bnnaudit.core.errors import UsageError
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.finding import Finding, Severity
from bnnaudit.core.gate import Outcome
from bnnaudit.core.history import History
from bnnaudit.core.report import Report, Sweep
from bnnaudit.core.reproduction import Reproduction
from bnnaudit.core.suite import Failure, Suite, exit_code_of
from bnnaudit.core.trial import Source
from bnnaudit.reports.attack_names import attack_name, capitalised, effort, surrogate_name, temperature_name
from bnnaudit.reports.baseline_words import baseline_sentence, gone_lines
from bnnaudit.reports.citation import citation
from bnnaudit.reports.documents import Document
from bnnaudit.reports.markdown_comparison import comparison_blocks
from bnnaudit.reports.markdown_history import history_blocks
from bnnaudit.reports.markdown_reproduction import reproduction_blocks
from bnnaudit.reports.markdown_text import code, details, fenced, html_words, table, words
from bnnaudit.reports.numbers import MISSING, interval, percent, plural, threat_text
from bnnaudit.reports.page import Page
from bnnaudit.reports.substitute_words import substitute_words
from bnnaudit.reports.verdict_words import (
    EXITS,
    STATUSES,
    answer,
    exit_reason,
    found_words,
    further_reason,
    gate_sentence,
    idle_words,
    log_lines,
    model_sentence,
    no_masking_words,
    remedy_words,
    suite_lines,
    waiver_words,
)

LARGEST = 65_000
"""Bytes of a document, at most: a comment on GitHub has 65,536 characters (GitHub REST API, issue comments)."""
MOST_ROWS = 100
"""Rows of one table, at most. Not tuned."""
_CUT = "\n\n*Cut here: {} more have no room in 64 KiB. The JSON report holds everything.*"
_ANSWERS = {Outcome.PASSED: "passed", Outcome.FAILED: "**failed**", Outcome.UNDECIDED: "**undecided**"}


def write_markdown(document: Document, page: Page) -> str:
    """An audit, several, or one that failed, in less than 64 KiB; tables of the paper in full. UsageError for other documents."""
    match document:
        case Report():
            blocks = list(_report(document, "##"))
        case Suite():
            blocks = list(_suite(document))
        case Failure():
            blocks = list(_failure(document, "##"))
        case Comparison():
            blocks = list(comparison_blocks(document))
        case History():
            blocks = list(history_blocks(document))
        case Reproduction():  # a page, no comment on GitHub, of which a table that was cut off would be no use
            return "\n\n".join(reproduction_blocks(document)) + "\n"
        case _:
            raise UsageError("markdown: only audits are written in this format; choose terminal or json")
    return _fitting(blocks)


def _fitting(blocks: Sequence[str]) -> str:
    """The blocks in their order as far as there is room, each whole, and how many have none."""
    room = LARGEST - len(_CUT) - 20
    text = ""
    for index, block in enumerate(blocks):
        longer = f"{text}\n\n{block}" if text else block
        if len(longer.encode()) > room:
            return text + _CUT.format(plural(len(blocks) - index, "part")) + "\n"
        text = longer
    return text + "\n"


def _suite(suite: Suite) -> Iterator[str]:
    yield f"## bnnaudit: {words(suite_lines(suite)[1])}"
    yield _suite_table(suite)
    yield f"Exit code {int(suite.exit_code)}, {words(exit_reason(suite))}"
    for entry in suite.entries:
        yield from _failure(entry, "###") if isinstance(entry, Failure) else _report(entry, "###")


def _suite_table(suite: Suite) -> str:
    titles = ("model", "threat", "clean", "claimed", "verified, at most", "status", "gate", "exit code")
    rows = [_suite_row(entry) for entry in suite.entries[:MOST_ROWS]]
    more = len(suite.entries) - len(rows)
    return table(titles, rows, (2, 3, 4, 7)) + (f"\n\nand {plural(more, 'more audit')}" if more else "")


def _suite_row(entry: Report | Failure) -> tuple[str, ...]:
    exit_code = str(int(exit_code_of(entry)))
    if isinstance(entry, Failure):
        return code(entry.model), MISSING, MISSING, MISSING, MISSING, "not audited", MISSING, exit_code
    verdict, clean = entry.verdict, entry.clean_accuracy
    verified = verdict.verified_accuracy if verdict else None
    return (
        code(entry.model.path),
        threat_text(entry.threat),
        percent(clean.value if clean else None),
        percent(verdict.claimed_accuracy if verdict else None),
        percent(verified.value if verified else None),
        STATUSES[verdict.status] if verdict else MISSING,
        answer(entry) if entry.gate else MISSING,
        exit_code,
    )


def _failure(failure: Failure, level: str) -> Iterator[str]:
    yield f"{level} UNDECIDED: {code(failure.model)} was not audited"
    yield f"Exit code {int(failure.exit_code)}, {EXITS[failure.exit_code]}: {words(failure.message)}"


def _report(report: Report, level: str) -> Iterator[str]:
    """The most important first: what has no room is at the end."""
    word = f"{answer(report)}: " if report.gate else ""
    yield f"{level} {word}{code(report.model.path)} under {threat_text(report.threat)}"
    verdict = report.verdict
    if verdict is None:
        yield words(log_lines(report)[0])
    else:
        yield f"**Model:** {words(model_sentence(report, verdict))}"
        yield f"**Gate:** {words(gate_sentence(report))}"
        if reason := further_reason(verdict):
            yield words(reason)
    yield _figures(report)
    yield from _gate(report)
    yield from _baseline(report)
    yield from _advice(report)
    yield from _findings(report)
    yield from _left_aside(report)
    yield from _measured(report)
    yield _repeat(report)


def _figures(report: Report) -> str:
    rows = [_figure("clean", report.clean_accuracy, "without attack")]
    verdict = report.verdict
    if verdict is not None:
        if verdict.declared_accuracy is not None:
            rows.append(("claimed", percent(verdict.declared_accuracy), MISSING, "declared by the card"))
        name = "claimed" if verdict.declared_accuracy is None else "ordinary attacks"
        rows.append(_figure(name, verdict.ordinary_accuracy, "what ordinary PGD leaves"))
        rows.append(_figure("**verified**", verdict.verified_accuracy, "what all attacks together leave", "at most "))
    return table(("accuracy", "", "95 % interval", ""), rows, (1, 2))


def _figure(name: str, estimate: Estimate | None, what: str, most: str = "") -> tuple[str, str, str, str]:
    if estimate is None:
        return name, "not measured", MISSING, what
    images = f"{what}, on {plural(estimate.n, 'image')}"
    return name, f"{most}{percent(estimate.value)}", interval(estimate), images


def _gate(report: Report) -> Iterator[str]:
    if report.gate is None:
        return
    asked = report.gate.criteria[:MOST_ROWS]
    rows = [(words(each.asked), _ANSWERS[each.outcome], words(found_words(each))) for each in asked]
    yield table(("the gate asked for", "answer", "found"), rows)
    idle = [f"- {words(idle_words(each))}" for each in report.gate.idle]
    if idle:
        yield "\n".join(idle[:MOST_ROWS])


def _baseline(report: Report) -> Iterator[str]:
    if report.baseline is None:
        return
    notes = [f"- **Note:** {words(warning)}" for warning in report.baseline.warnings]
    yield "\n".join([f"**Baseline:** {words(baseline_sentence(report.baseline))}", *([""] if notes else []), *notes])
    gone = [f"- {words(name)}: {words(found)}" for name, found in gone_lines(report.baseline)]
    if gone:
        yield details(f"{plural(len(gone), 'finding')} gone since the baseline", "\n".join(gone[:MOST_ROWS]))


def _advice(report: Report) -> Iterator[str]:
    items = [f"- {words(item.text)}" for item in report.advice]
    if items:
        yield "**What to do with the model**\n\n" + "\n".join(items)
    if report.remedy is not None:
        yield f"**What would cure the attacks that fail:** {words(remedy_words(report.remedy))}"


def _findings(report: Report) -> Iterator[str]:
    """Folded, the most severe first."""
    for finding in sorted(report.findings, key=lambda each: tuple(Severity).index(each.severity)):
        rule = finding.rule
        marks = [finding.severity.upper(), f"{html_words(rule.code)} {html_words(rule.name)}"]
        marks += [f"({finding.baseline})"] if finding.baseline else []
        marks += ["(waived)"] if finding.waiver else []
        yield details(" ".join(marks), "\n\n".join(_finding(finding)))
    if report.verdict is not None and not report.shows_masking:
        yield no_masking_words(report)


def _finding(finding: Finding) -> Iterator[str]:
    yield words(finding.message)
    yield f"Confidence: {finding.confidence}. {code(f'bnnaudit explain {finding.rule.code}')} says what it means and what to do."
    if finding.waiver is not None:
        yield f"Waived {words(waiver_words(finding.waiver))}"


def _left_aside(report: Report) -> Iterator[str]:
    if report.faults:
        lines = [
            f"- {code(each.check)}: {words(each.error)}{' (required)' if each.required else ''}"
            for each in report.faults
        ]
        yield "**Checks that broke**\n\n" + "\n".join(lines[:MOST_ROWS])
    if report.skipped:
        lines = [f"- {code(each.check)}: {words(each.why)}" for each in report.skipped]
        yield details(f"{plural(len(lines), 'check')} skipped", "\n".join(lines[:MOST_ROWS]))


def _measured(report: Report) -> Iterator[str]:
    if report.attacks:
        rows = [
            (
                attack_name(row.settings) + (", transferred" if row.source is Source.SUBSTITUTE else ""),
                temperature_name(row.settings),
                surrogate_name(row.settings),
                effort(row.settings),
                f"{percent(row.accuracy.value)} {interval(row.accuracy)}",
            )
            for row in report.attacks[:MOST_ROWS]
        ]
        titles = ("attack", "b", "surrogate", "steps", "accuracy left, 95 % interval")
        content = table(titles, [[words(cell) for cell in row] for row in rows], (3, 4))
        if made_on := substitute_words(report):
            content += f"\n\n{words(made_on)}"
        yield details(f"Accuracy left by {plural(len(report.attacks), 'attack')}", content)
    if report.sweeps:
        yield details("Sweeps", "\n\n".join(_sweep(sweep) for sweep in report.sweeps))


def _sweep(sweep: Sweep) -> str:
    """A row for each point: tables of many columns are hard to read on a phone."""
    rows = [
        (words(point.label), percent(point.accuracy.value), interval(point.accuracy))
        for point in sweep.points[:MOST_ROWS]
    ]
    return table((words(sweep.parameter), words(capitalised(sweep.attack)), "95 % interval"), rows, (0, 1, 2))


def _repeat(report: Report) -> str:
    made, environment = report.provenance, report.environment
    lines = (
        f"- model: {code(report.model.path)}, SHA-256 {code(report.model.sha256)}",
        f"- data: {code(report.data.source)}, {plural(report.data.samples, 'image')}, SHA-256 {code(report.data.sha256)}"
        + ("" if report.data.labelled else "; no labels: judged by the model's own answers"),
        f"- bnnaudit {words(made.version)}, {words(made.created)}",
        f"- PyTorch {words(environment.torch)} on {words(environment.device)}, "
        f"ONNX Runtime {words(environment.onnxruntime)}, {plural(environment.threads, 'thread')}",
    )
    line = citation(report)
    cited = f"\n\nTo cite this audit:\n\n{fenced(line)}" if line else ""
    return details("How to repeat and cite it", f"{fenced(made.command)}\n\n" + "\n".join(lines) + cited)
