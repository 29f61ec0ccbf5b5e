"""Which of the cures that were tried is the remedy."""

from __future__ import annotations

import pytest

from bnnaudit.auditing.cure_table import TAKES_AWAY, remedy_of
from bnnaudit.auditing.verdict import estimate
from bnnaudit.core.finding import Confidence, Family, Finding
from bnnaudit.core.report import Cure, CureKind
from bnnaudit.rules.table import RULES

LEFT = 175
"""Images that the claim's attack leaves."""


def cure(recovered: int, *kinds: CureKind) -> Cure:
    return Cure(kinds, "as in the test", estimate(recovered, LEFT))


def findings(*codes: str) -> list[Finding]:
    return [Finding(RULES[code], "found", RULES[code].severity, Confidence.HIGH) for code in codes]


EVERYTHING = cure(LEFT, CureKind.EVERYTHING)
TEMPERATURE = cure(160, CureKind.TEMPERATURE)


@pytest.mark.parametrize(("pair", "single"), [(168, True), (169, False), (175, False)])
def test_a_pair_is_the_remedy_only_where_it_gains_more_than_five_points(pair: int, single: bool) -> None:
    both = cure(pair, CureKind.TEMPERATURE, CureKind.SURROGATE)
    found = remedy_of([TEMPERATURE, both, EVERYTHING], findings("GM101", "SP203", "SP201"))
    assert found is not None
    assert found.cure is (TEMPERATURE if single else both)
    assert found.causes == (("SP201",) if single else ("SP203", "SP201"))


@pytest.mark.parametrize("recovered", [8, 17, 40])
def test_a_cure_that_recovers_little_is_no_remedy(recovered: int) -> None:
    """Less than a tenth of the images, or than a quarter of what everything recovers."""
    assert remedy_of([cure(recovered, CureKind.RESTARTS), EVERYTHING], findings("GM105")) is None


def test_what_is_little_depends_on_what_everything_recovers() -> None:
    weak = cure(40, CureKind.RESTARTS)
    found = remedy_of([weak, cure(100, CureKind.EVERYTHING)], findings("GM105"))
    assert found is not None
    assert (found.cure, found.causes) == (weak, ())


@pytest.mark.parametrize("codes", [(), ("MF403", "FR302")])
def test_without_symptom_or_cause_there_is_nothing_to_remedy(codes: tuple[str, ...]) -> None:
    assert remedy_of([TEMPERATURE, EVERYTHING], findings(*codes)) is None


def test_all_attacks_together_are_no_remedy() -> None:
    assert remedy_of([EVERYTHING], findings("SP201")) is None


def test_cures_are_against_causes_that_there_are() -> None:
    codes = {code for causes in TAKES_AWAY.values() for code in causes}
    assert {RULES[code].family for code in codes} == {Family.CAUSE}
