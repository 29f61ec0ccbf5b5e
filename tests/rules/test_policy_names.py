"""Names in a policy: those that exist are taken, all others are named in one error."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from bnnaudit.core.errors import UsageError
from bnnaudit.core.policy import Policy, Waiver
from bnnaudit.rules.policy_names import check_named, is_counted, validate_names
from bnnaudit.rules.table import CHECKS


def test_checks_are_known_by_their_names_and_by_the_codes_of_their_rules() -> None:
    for check in CHECKS:
        assert check_named(check.name) is check_named(check.rule.code) is check
    assert check_named("FR3") is None


@pytest.mark.parametrize(
    ("policy", "counted"),
    [
        (Policy(), True),
        (Policy(select=("FR",)), True),
        (Policy(select=("FR302", "GM")), False),
        (Policy(ignore=("FR3",)), False),
        (Policy(select=("FR301",), ignore=("FR",)), False),
        (Policy(ignore=("GM", "FR302")), True),
    ],
)
def test_ignored_rules_do_not_count_even_if_selected(policy: Policy, counted: bool) -> None:
    assert is_counted("FR301", policy) is counted


def test_what_exists_is_taken() -> None:
    waiver = Waiver("GM101", "", "", date(2026, 1, 1), "sha256:0123456789ab")
    validate_names(Policy(select=("FR", "GM101"), ignore=("SP2",), require=("transfer", "FR303"), waivers=(waiver,)))


def test_all_unknown_names_are_told_at_once_with_the_nearest() -> None:
    waivers = (Waiver("FR3O1", "", "", date(2026, 1, 1), "sha256:0123"), Waiver("FR3", "", "", date(2026, 1, 1)))
    with pytest.raises(UsageError) as error:
        validate_names(Policy(select=("FX",), ignore=("",), require=("transfr",), waivers=waivers))
    message = str(error.value)
    assert "\n" not in message
    for words in (
        "require: no check or rule 'transfr', did you mean transfer?",
        "select: no rule code begins with 'FX'",
        "ignore: no rule code begins with ''",
        "waivers: no rule 'FR3O1', did you mean FR301?",
        "'sha256:0123' is no SHA-256",
        "waivers: no rule 'FR3'",
    ):
        assert words in message


def test_names_are_looked_up_without_torch() -> None:
    code = "import sys, bnnaudit.rules.policy_names; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
