"""The spellings in small: however the signs are written, `auto` leaves what it leaves of the ONNX file."""

from __future__ import annotations

import pytest

from tests.bench.spellings import CUT_OFF, ONNX, SUBJECTS, left, opened

IMAGES = 30
BUDGET = 60
SUBJECT = SUBJECTS["digits-bnn-waq"]


@pytest.fixture(scope="module")
def truth() -> float:
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    return remaining(ONNX)


def remaining(name: str) -> float:
    images, labels = (part[:IMAGES] for part in SUBJECT.held_out())
    return left(opened(SUBJECT, name), images, labels, SUBJECT.eps, BUDGET)


@pytest.mark.parametrize(
    "name", ["torch.sign", "where", "Function, clipped", "Function, dead", "detach trick", "no_grad", CUT_OFF]
)
def test_as_many_images_are_left_as_of_the_onnx_file(truth: float, name: str) -> None:
    assert abs(remaining(name) - truth) * IMAGES <= 1
    assert truth < 0.3
