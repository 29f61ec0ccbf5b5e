"""What rules found, from the JSON of a report: the rules' own texts are those of the report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bnnaudit.core.errors import ReportError
from bnnaudit.core.finding import Family, Finding, Measurement, Rule
from bnnaudit.reports.json.parsing.node import Node, fields_of

_AGAIN = re.compile(r"(?P<name>.*) \((?P<number>[0-9]+)\)", re.DOTALL)


def read_findings(document: Node) -> tuple[Finding, ...]:
    """Findings with the rules that the same document explains."""
    rules = {code: read_rule(rule) for code, rule in document["rules"].items()}
    return tuple(read_finding(entry, rules) for entry in document["findings"].entries())


def read_rule(node: Node) -> Rule:
    """A rule in full; raises ReportError for a code of no family."""
    rule = node.read(Rule)
    if rule.code[:2] not in tuple(Family):
        raise node["code"].refused(f"a code that starts with one of {', '.join(Family)}")
    return rule


def read_finding(node: Node, rules: Mapping[str, Rule]) -> Finding:
    """A finding of one of these rules, by their codes."""
    code = node["rule"]
    if code.text() not in rules:
        raise ReportError(f"{code.place} is {code.text()}, which `rules` does not explain")
    return Finding(
        rule=rules[code.text()],
        measurements=tuple(_measurements(node["evidence"])),
        **fields_of(Finding, node, "message", "severity", "confidence", "p_value", "waiver", "baseline"),
    )


def _measurements(evidence: Node) -> Iterator[Measurement]:
    """In order; the number that tells a name from the same one before it is taken off again."""
    seen: dict[str, int] = {}
    for key, node in evidence.items():
        again = _AGAIN.fullmatch(key)
        name = key
        if again and seen.get(again["name"], 0) + 1 == int(again["number"]):
            name = again["name"]
        seen[name] = seen.get(name, 0) + 1
        ends = node["ci95"]
        low, high = (None, None) if ends.value is None else (end.number() for end in ends.pair())
        yield Measurement(name, node["value"].number(), low=low, high=high, **fields_of(Measurement, node, "unit", "n"))
