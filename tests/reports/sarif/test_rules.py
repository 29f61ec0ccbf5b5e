"""The catalogue as SARIF describes it."""

from __future__ import annotations

import pytest

from bnnaudit.core.finding import Confidence, Finding
from bnnaudit.core.gate import CriterionKind
from bnnaudit.core.sources import cited
from bnnaudit.reports.sarif.rules import descriptor_of, gate_code, gate_descriptor
from bnnaudit.rules.table import RULES


@pytest.mark.parametrize("code", RULES)
def test_every_rule_of_the_catalogue_is_told_in_full_and_word_for_word(code: str) -> None:
    rule = RULES[code]
    described = descriptor_of(rule, [Finding(rule, "It fired.", rule.severity, Confidence.MEDIUM)])
    for form in ("text", "markdown"):
        assert isinstance(described["help"], dict)
        text = str(described["help"][form])
        for words in (rule.meaning, rule.measured, rule.threshold, rule.source, rule.remedy, rule.false_alarms):
            assert words in text
        assert all(source.title in text for source in cited(rule.source))
    assert described["shortDescription"] == {"text": rule.summary}
    assert "\n" not in rule.summary


@pytest.mark.parametrize("kind", CriterionKind)
def test_every_criterion_of_the_gate_has_a_rule_with_a_remedy(kind: CriterionKind) -> None:
    described = gate_descriptor(kind)
    assert described["id"] == gate_code(kind) == f"GATE/{kind}"
    assert "## What to do" in str(described["help"])
