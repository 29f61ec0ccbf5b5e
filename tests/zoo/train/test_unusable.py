"""Several pictures that cannot be used are named in one error."""

from __future__ import annotations

import pytest

from bnnaudit.core.errors import DataError
from bnnaudit.zoo.train.unusable import MOST, Unusable


def test_nothing_wrong_is_no_error() -> None:
    unusable = Unusable()
    with unusable.noted("a.png"):
        pass
    unusable.refuse()


def test_one_error_names_all_files() -> None:
    unusable = Unusable()
    for name in ("a.png", "b\x1b.png", "c.png"):
        with unusable.noted(name):
            raise DataError(f"{name[0]}: damaged; remove it")
    with pytest.raises(DataError) as refused:
        unusable.refuse()
    assert str(refused.value) == "a: damaged; remove it; 2 more cannot be used: b\\x1b.png, c.png"


def read(unusable: Unusable, count: int, tried: list[int]) -> None:
    """Tries so many files, all of them damaged."""
    for index in range(count):
        tried.append(index)
        with unusable.noted(f"{index}.png"):
            raise DataError("damaged")


def test_too_many_end_the_search() -> None:
    tried: list[int] = []
    with pytest.raises(DataError, match=f"{MOST - 1} more cannot be used"):
        read(Unusable(), 2 * MOST, tried)
    assert len(tried) == MOST


def test_other_errors_are_not_kept() -> None:
    with pytest.raises(MemoryError), Unusable().noted("a.png"):
        raise MemoryError
