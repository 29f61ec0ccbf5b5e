"""The limits on files: what they refuse and in which words, how they are lifted, and the table in the documentation."""

import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from bnnaudit.core import file_limits
from bnnaudit.core.errors import UsageError
from bnnaudit.core.file_limits import LIFTED, Limit
from bnnaudit.core.limits import Limits, limits_of, limits_set
from bnnaudit.evidence import limits as evidence_limits
from tests.paths import ROOT

SECURITY = (ROOT / ".github" / "SECURITY.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([^|]+) \| ([\d,]+) ([^|]*?) ?\| ([^|]+) \| (yes|no) \|$", re.MULTILINE)


def limits_in(module: ModuleType) -> Iterator[Any]:
    kinds = (file_limits.Limit, evidence_limits.Limit)
    yield from (value for value in vars(module).values() if isinstance(value, kinds))


def test_the_table_of_the_documentation_is_that_of_the_code() -> None:
    stated = [(of, most, unit, why, lifted) for of, most, unit, why, lifted in ROW.findall(SECURITY)]
    known = [
        (limit.of, f"{limit.most:,}", limit.unit, limit.why, "yes" if limit.liftable else "no")
        for module in (file_limits, evidence_limits)
        for limit in limits_in(module)
    ]
    assert len(known) > 40
    assert stated == known


def test_a_limit_says_what_was_found_and_what_is_allowed() -> None:
    limit = Limit(1_000, "pixels", "an image", "none")
    assert limit.refusal(1_000.5) == f"1,001 pixels, more than 1,000 are refused ({LIFTED})"
    assert Limit(1_000, "bits", "a number", "none", liftable=False).refusal(2_000) == (
        "2,000 bits, more than 1,000 are refused"
    )


@pytest.mark.parametrize(("liftable", "found"), [(True, False), (False, True)])
def test_what_is_lifted(liftable: bool, found: bool) -> None:
    limit = Limit(10, "bytes", "a file", "none", liftable)
    assert not limit.exceeded_by(10)
    assert limit.exceeded_by(11)
    assert limit.to_read == 11
    with limits_set(Limits.NONE):
        assert limit.exceeded_by(11) is found
        assert limit.to_read == (11 if found else -1)
    assert limit.exceeded_by(11)


def test_the_words_for_limits() -> None:
    assert [limits_of(word) for word in (None, "default", "none", Limits.NONE)] == [
        Limits.DEFAULT,
        Limits.DEFAULT,
        Limits.NONE,
        Limits.NONE,
    ]
    with pytest.raises(UsageError, match="limits: 'some' is not one of default, none"):
        limits_of("some")
