"""The verdict in words, and the last line, which sums up the run."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.gate import Outcome
from bnnaudit.core.report import Report, Verdict
from bnnaudit.core.threat import Threat
from bnnaudit.reports.attack_names import attack_name
from bnnaudit.reports.numbers import percent, threat_text, with_interval
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.charts import horizontal
from bnnaudit.reports.terminal.typesetting import Parts, heading, indented, labelled

_BAR = 20


def verdict(report: Report, page: Page) -> Parts:
    """Claimed beside verified and the reason, for a run that judged; the last line always."""
    parts: list[RenderableType] = []
    if report.verdict is not None:
        parts += [heading("Verdict", page), *_in_words(report.verdict, page)]
    return [*parts, Text(""), last_line(report, page)]


def last_line(report: Report, page: Page) -> Text:
    """The fullest of the wordings that fits on one line of the page."""
    if report.verdict is None:
        return _fitting(_measured(report), "bold", page)
    word, style = _outcome(report)
    return _fitting([f"{word}  {line}" for line in _judged(report.verdict, report.threat)], f"bold {style}", page)


def _in_words(judgement: Verdict, page: Page) -> list[RenderableType]:
    rows: list[tuple[str, RenderableType]] = [("Claimed", _accuracy(_claim(judgement), page))]
    if judgement.claim_source:
        rows.append(("", page.text(judgement.claim_source, "dim")))
    rows.append(("Verified", _accuracy(judgement.verified_accuracy, page)))
    reason = [Text(""), indented(page.text(judgement.reason))] if judgement.reason else []
    return [labelled(rows), *reason]


def _accuracy(estimate: Estimate | None, page: Page) -> Text:
    line = page.text(f"{with_interval(estimate):<22}")
    if estimate is not None and page.columns >= 80:
        line.append("  " + horizontal(estimate.value, _BAR), style="cyan")
    return line


def _outcome(report: Report) -> tuple[str, str]:
    if report.gate is None or report.gate.outcome is Outcome.UNDECIDED:
        return "UNDECIDED", "yellow"
    return ("PASS", "green") if report.passed else ("FAIL", "red")


def _claim(judgement: Verdict) -> Estimate | None:
    declared = judgement.declared_accuracy
    return judgement.ordinary_accuracy if declared is None else Estimate(declared, declared, declared, 0)


def _judged(judgement: Verdict, threat: Threat) -> list[str]:
    claimed, verified = _claim(judgement), judgement.verified_accuracy
    full = f"{judgement.status}: claimed {with_interval(claimed)}, verified {with_interval(verified)}"
    plain = f"{judgement.status}: claimed {_short(claimed)}, verified {_short(verified)}"
    under = f" under {threat_text(threat)}"
    return [full + under, plain + under, plain, str(judgement.status)]


def _measured(report: Report) -> list[str]:
    """What a run without a verdict left: its attack, the strongest of several, or only the clean accuracy."""
    clean = f" (clean {_short(report.clean_accuracy)})"
    row = report.strongest
    if row is None:
        return [f"clean accuracy {with_interval(report.clean_accuracy)}", f"clean {_short(report.clean_accuracy)}"]
    several = f"lowest of {len(report.attacks)}, {attack_name(row.settings)}: " if len(report.attacks) > 1 else ""
    under = f" under {threat_text(row.threat)}"
    full, plain = f"adversarial accuracy {with_interval(row.accuracy)}", f"adversarial accuracy {_short(row.accuracy)}"
    return [several + full + under + clean, full + under + clean, plain + under + clean, plain + under, plain]


def _short(estimate: Estimate | None) -> str:
    return "not measured" if estimate is None else percent(estimate.value)


def _fitting(wordings: Sequence[str], style: str, page: Page) -> Text:
    fitting = [words for words in wordings if len(words) <= page.columns]
    return page.text(fitting[0] if fitting else wordings[-1], style)
