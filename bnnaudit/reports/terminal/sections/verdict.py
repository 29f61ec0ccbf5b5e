"""The verdict in full: claimed beside verified accuracy, the reason, and a line to cite."""

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.report import Report, Verdict
from bnnaudit.reports.citation import citation
from bnnaudit.reports.numbers import percent, with_interval
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.charts import horizontal
from bnnaudit.reports.terminal.typesetting import Parts, heading, indented, labelled

_BAR = 20


def verdict(report: Report, page: Page) -> Parts:
    """Nothing of a run that judged nothing."""
    if report.verdict is None:
        return []
    reason = [Text(""), indented(page.text(report.verdict.reason))] if report.verdict.reason else []
    line = citation(report)
    cited = [heading("To cite this audit", page), indented(page.text(line))] if line else []
    return [heading("Verdict", page), labelled(_figures(report.verdict, page)), *reason, *cited]


def _figures(judgement: Verdict, page: Page) -> list[tuple[str, RenderableType]]:
    declared, ordinary, verified = (
        judgement.declared_accuracy,
        judgement.ordinary_accuracy,
        judgement.verified_accuracy,
    )
    rows: list[tuple[str, RenderableType]] = []
    if declared is None:
        rows.append(("Claimed", _accuracy(ordinary, with_interval(ordinary), page)))
        rows += [("", page.text(judgement.claim_source, "dim"))] if ordinary else []
    else:
        rows.append(("Claimed", _accuracy(Estimate(declared, declared, declared, 0), percent(declared), page)))
        rows.append(("", page.text(judgement.claim_source, "dim")))
        rows.append(("Ordinary PGD", _accuracy(ordinary, with_interval(ordinary), page)))
    left = f"at most {with_interval(verified)}" if verified else with_interval(verified)
    return [*rows, ("Verified", _accuracy(verified, left, page))]


def _accuracy(estimate: Estimate | None, words: str, page: Page) -> Text:
    line = page.text(f"{words:<30}")
    if estimate is not None and page.columns >= 80:
        line.append(horizontal(estimate.value, _BAR), style="cyan")
    return line
