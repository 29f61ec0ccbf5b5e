"""What the gate was asked, and each answer."""

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.gate import Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.policy import Policy
from bnnaudit.core.report import Report
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.terminal.typesetting import OUTCOME_STYLES, Parts, heading, indented, labelled
from bnnaudit.reports.verdict_words import found_words, idle_words

_ALWAYS = (CriterionKind.AUDIT, CriterionKind.FINDINGS)
_WORDS = {Outcome.PASSED: "passed", Outcome.FAILED: "FAILED", Outcome.UNDECIDED: "UNDECIDED"}


def gate(report: Report, page: Page) -> Parts:
    """Every criterion, and waivers that accept nothing; unless the page is verbose only where more than the usual was asked."""
    asked = report.gate
    if asked is None or not (page.verbose or asked.idle or _unusual(asked)):
        return []
    rows: list[tuple[str, RenderableType]] = [
        (_WORDS[criterion.outcome], _criterion(criterion, page)) for criterion in asked.criteria
    ]
    parts: list[RenderableType] = [heading("What the gate was asked", page), labelled(rows)]
    parts += [indented(page.text(idle_words(idle), "yellow")) for idle in asked.idle]
    return [*parts, *_policy(asked.policy, page)]


def _unusual(asked: Gate) -> bool:
    return any(criterion.kind not in _ALWAYS for criterion in asked.criteria)


def _criterion(criterion: Criterion, page: Page) -> Text:
    style = OUTCOME_STYLES[criterion.outcome]
    return Text.assemble(page.text(criterion.asked), page.text(f" → {found_words(criterion)}", style))


def _policy(policy: Policy, page: Page) -> Parts:
    """On a verbose page."""
    if not page.verbose:
        return []
    lists = (("rules that count", policy.select), ("rules left out", policy.ignore), ("required", policy.require))
    words = [f"findings fail from: {policy.fail_on}", f"figures are compared by: {policy.decide}"]
    words += [f"{name}: {', '.join(map(short, codes))}" for name, codes in lists if codes]
    return [indented(page.text(f"Policy: {'; '.join(words)}.", "dim"))]
