"""Names of classes, and what an image withstood."""

import pytest

from bnnaudit.reports.html.image_view import class_name, withstood


@pytest.mark.parametrize(
    ("number", "classes", "shown"),
    [
        (1, ("stop", "go"), "go (1)"),
        (2, ("stop", "go"), "2"),
        (-1, ("stop", "go"), "-1"),
        (0, ("0", "1"), "0"),
        (0, ("x" * 100,), "x" * 40 + "… (100 characters) (0)"),
        (0, (), "0"),
    ],
)
def test_a_class_is_shown_by_name_and_number(number: int, classes: tuple[str, ...], shown: str) -> None:
    assert class_name(number, classes) == shown


@pytest.mark.parametrize(
    ("answer", "right", "shown"),
    [(True, True, "yes"), (False, True, "no"), (None, True, "-"), (False, False, "wrong already")],
)
def test_an_image_that_is_wrong_without_attack_withstands_nothing(answer: bool | None, right: bool, shown: str) -> None:
    assert withstood(answer, right) == shown
