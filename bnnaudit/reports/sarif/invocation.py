"""How a run went: whether the audit came to its end, what broke, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator

from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.gate import CriterionKind, Outcome
from bnnaudit.core.policy import IdleWaiver, WaiverProblem
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure
from bnnaudit.reports.json.parts import JsonObject
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.sarif.messages import LONGEST_MESSAGE, message
from bnnaudit.reports.verdict_words import EXITS, idle_words


def invocation_of(entry: Report | Failure, exit_code: ExitCode) -> JsonObject:
    """The entry of `run.invocations`; exit_code: what the whole command exits with, whatever the format."""
    return {
        "commandLine": short(entry.provenance.command, LONGEST_MESSAGE),
        "executionSuccessful": finished(entry),
        "exitCode": int(exit_code),
        "exitCodeDescription": EXITS[exit_code],
        "toolExecutionNotifications": list(_execution(entry)),
        "toolConfigurationNotifications": [] if isinstance(entry, Failure) else list(_configuration(entry)),
    }


def finished(entry: Report | Failure) -> bool:
    """Whether the audit did all that was required of it; whether the figures decide is another question."""
    if isinstance(entry, Failure) or any(fault.required for fault in entry.faults):
        return False
    if entry.verdict is not None and entry.verdict.verified_accuracy is None:
        return False
    asked = () if entry.gate is None else entry.gate.criteria
    return not any(each.kind is CriterionKind.REQUIRED and each.outcome is Outcome.UNDECIDED for each in asked)


def _execution(entry: Report | Failure) -> Iterator[JsonObject]:
    """What went wrong while the audit ran."""
    if isinstance(entry, Failure):
        yield _notification("not-audited", "error", entry.message)
        return
    for fault in entry.faults:
        yield _notification("fault", "error" if fault.required else "warning", f"{fault.check} broke: {fault.error}")
    if not finished(entry) and entry.verdict is not None and entry.verdict.verified_accuracy is None:
        yield _notification("unfinished", "error", f"The audit reached no verdict: {entry.verdict.reason}")
    if entry.gate is None:
        yield _notification("not-judged", "note", "This run judges nothing; `bnnaudit check` does.")


def _configuration(report: Report) -> Iterator[JsonObject]:
    """What was left out of the audit, an error where the policy requires it, and waivers that accepted nothing."""
    required = () if report.gate is None else report.gate.policy.require
    codes = {check.check: check.rule for check in report.checks}
    for skip in report.skipped:
        level = "error" if {skip.check, codes.get(skip.check)} & set(required) else "note"
        yield _notification("skipped", level, f"{skip.check} was skipped: {skip.why}")
    for idle in () if report.gate is None else report.gate.idle:
        yield _idle(idle)


def _idle(idle: IdleWaiver) -> JsonObject:
    expired = idle.problem is WaiverProblem.EXPIRED
    return _notification(f"{idle.problem}-waiver", "warning" if expired else "note", idle_words(idle))


def _notification(kind: str, level: str, text: str) -> JsonObject:
    return {"descriptor": {"id": kind}, "level": level, "message": message(text)}
