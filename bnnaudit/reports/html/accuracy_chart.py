"""Clean, declared, claimed and verified accuracy as points with error bars on one scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.gate import CriterionKind
from bnnaudit.core.report import Report
from bnnaudit.reports.numbers import interval, percent


@dataclass(frozen=True, slots=True)
class AccuracyRow:
    """One line of the chart. Positions are percentages of the scale; low and high are None for a figure without an interval.

    threshold: what the gate asks of this figure, None where it asks nothing.
    """

    name: str
    note: str
    figure: str
    interval: str
    value: float
    low: float | None
    high: float | None
    threshold: float | None
    strong: bool = False


def accuracy_rows(report: Report) -> tuple[AccuracyRow, ...]:
    """Those that were measured or declared."""
    rows = [_measured(report, CriterionKind.CLEAN, "Clean", "without attack", report.clean_accuracy)]
    verdict = report.verdict
    if verdict is not None:
        declared, ordinary = verdict.declared_accuracy, verdict.ordinary_accuracy
        if declared is not None and math.isfinite(declared):
            rows.append(
                AccuracyRow("Declared", "by the card", percent(declared), "", position(declared), None, None, None)
            )
        claim = "the claim" if declared is None else ""
        rows.append(_measured(report, None, "Ordinary PGD", claim, ordinary))
        rows.append(
            _measured(
                report, CriterionKind.VERIFIED, "Verified", "by all attacks", verdict.verified_accuracy, "at most "
            )
        )
    elif report.strongest is not None:
        rows.append(_measured(report, None, "Adversarial", "strongest attack", report.strongest.accuracy))
    return tuple(row for row in rows if row is not None)


def position(fraction: float) -> float:
    """From 0 to 100, whatever the fraction."""
    return round(100 * min(max(fraction, 0.0), 1.0), 2) if math.isfinite(fraction) else 0.0


def _measured(
    report: Report, kind: CriterionKind | None, name: str, note: str, estimate: Estimate | None, before: str = ""
) -> AccuracyRow | None:
    if estimate is None or not all(map(math.isfinite, (estimate.value, estimate.low, estimate.high))):
        return None
    asked = [
        criterion.threshold
        for criterion in (report.gate.criteria if report.gate else ())
        if criterion.kind is kind and criterion.threshold is not None
    ]
    return AccuracyRow(
        name,
        note,
        f"{before}{percent(estimate.value)}",
        interval(estimate),
        position(estimate.value),
        position(estimate.low),
        position(estimate.high),
        position(asked[0]) if asked else None,
        strong=bool(before),
    )
