"""The earlier report that a report was held against, from its JSON."""

from __future__ import annotations

from bnnaudit.core.comparison import Baseline, GoneFinding
from bnnaudit.reports.json.parsing.findings import read_finding, read_rule
from bnnaudit.reports.json.parsing.node import Node, fields_of


def read_baseline(node: Node) -> Baseline:
    """The inverse of `baseline_to_json`."""
    gone = tuple(_gone(entry) for entry in node["gone"].entries())
    return Baseline(gone=gone, **fields_of(Baseline, node, "file", "release", "void", "images", "drops", "warnings"))


def _gone(node: Node) -> GoneFinding:
    """Its rule stands beside it, as the report that had it explained the rule."""
    rule = read_rule(node["explained"])
    return GoneFinding(read_finding(node, {rule.code: rule}), node["unchecked"].text())
