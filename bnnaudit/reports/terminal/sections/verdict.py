"""The verdict in words, and the one last line that sums the run up."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.report import Estimate, Report, Status, Verdict
from bnnaudit.core.threat import Threat
from bnnaudit.reports.attack_names import attack_name
from bnnaudit.reports.numbers import percent, threat_text, with_interval
from bnnaudit.reports.terminal.bars import horizontal
from bnnaudit.reports.terminal.style import Look
from bnnaudit.reports.terminal.typesetting import heading, indented, labelled

_BAR = 20


def verdict(report: Report, look: Look) -> Sequence[RenderableType]:
    """Claimed beside verified and the reason, for a run that judged; the last line always."""
    parts: list[RenderableType] = []
    if report.verdict is not None:
        parts += [heading("Verdict", look), *_in_words(report.verdict, look)]
    return [*parts, Text(""), last_line(report, look)]


def last_line(report: Report, look: Look) -> Text:
    """The fullest of the wordings that fits on one line of the look's width."""
    if report.verdict is None:
        return _fitting(_measured(report), "bold", look)
    word, style = _outcome(report.verdict)
    return _fitting([f"{word}  {line}" for line in _judged(report.verdict, report.threat)], f"bold {style}", look)


def _in_words(judgement: Verdict, look: Look) -> list[RenderableType]:
    rows: list[tuple[str, RenderableType]] = [("Claimed", _accuracy(judgement.claimed_accuracy, look))]
    if judgement.claim_source:
        rows.append(("", look.text(judgement.claim_source, "dim")))
    rows.append(("Verified", _accuracy(judgement.verified_accuracy, look)))
    reason = [Text(""), indented(look.text(judgement.reason))] if judgement.reason else []
    return [labelled(rows), *reason]


def _accuracy(estimate: Estimate | None, look: Look) -> Text:
    line = look.text(f"{with_interval(estimate):<22}")
    if estimate is not None and look.width >= 80:
        line.append("  " + horizontal(estimate.value, _BAR), style="cyan")
    return line


def _outcome(judgement: Verdict) -> tuple[str, str]:
    if judgement.status is Status.INCONCLUSIVE:
        return "UNDECIDED", "yellow"
    return ("PASS", "green") if judgement.passed else ("FAIL", "red")


def _judged(judgement: Verdict, threat: Threat) -> list[str]:
    claimed, verified = judgement.claimed_accuracy, judgement.verified_accuracy
    full = f"{judgement.status}: claimed {with_interval(claimed)}, verified {with_interval(verified)}"
    plain = f"{judgement.status}: claimed {_short(claimed)}, verified {_short(verified)}"
    under = f" under {threat_text(threat)}"
    return [full + under, plain + under, plain, str(judgement.status)]


def _measured(report: Report) -> list[str]:
    """What a run without a verdict left: its attack, the strongest of several, or only the clean accuracy."""
    clean = f" (clean {_short(report.clean_accuracy)})"
    if not report.attacks:
        return [f"clean accuracy {with_interval(report.clean_accuracy)}", f"clean {_short(report.clean_accuracy)}"]
    row = min(report.attacks, key=lambda row: row.accuracy.value)
    several = f"lowest of {len(report.attacks)}, {attack_name(row.settings)}: " if len(report.attacks) > 1 else ""
    under = f" under {threat_text(row.threat)}"
    full, plain = f"adversarial accuracy {with_interval(row.accuracy)}", f"adversarial accuracy {_short(row.accuracy)}"
    return [several + full + under + clean, full + under + clean, plain + under + clean, plain + under, plain]


def _short(estimate: Estimate | None) -> str:
    return "not measured" if estimate is None else percent(estimate.value)


def _fitting(wordings: Sequence[str], style: str, look: Look) -> Text:
    fitting = [words for words in wordings if len(words) <= look.width]
    return look.text(fitting[0] if fitting else wordings[-1], style)
