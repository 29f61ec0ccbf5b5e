"""ONNX's own backend node cases: what we claim to support is never wrong, what we do not is refused, and none is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import pytest
from onnx import defs

from bnnaudit.onnx_import.operators import OPERATORS
from tests.onnx_import.backend_cases import (
    CLASSIFIER,
    QUANTIZATION,
    Case,
    Judgement,
    Status,
    by_bnnaudit,
    cases,
    judge,
)

# What passes today with the newest onnx; older ones have fewer cases.
CLASSIFIER_PASSES = 921
ALL_PASSES = 1066

# Cases of operators that a classifier may hold, and why they have no import.
REFUSED = {
    "test_batchnorm_epsilon_training_mode": "training",
    "test_batchnorm_example_training_mode": "training",
    "test_equal_string": "strings",
    "test_equal_string_broadcast": "strings",
    "test_identity_opt": "an optional value",
    "test_identity_sequence": "a sequence",
    "test_resize_downsample_scales_cubic_align_corners": "corners that cannot be aligned",
    "test_resize_downsample_scales_linear_align_corners": "corners that cannot be aligned",
    "test_training_dropout": "training",
    "test_training_dropout_default": "training",
    "test_training_dropout_default_mask": "training",
    "test_training_dropout_mask": "training",
}


# Operators that onnx has no case of; they have tests of their own.
WITHOUT_A_CASE = {"GlobalLpPool"}


@lru_cache(maxsize=1)
def judgements() -> tuple[Judgement, ...]:
    return tuple(judge(case, by_bnnaudit) for case in cases())


def _of(operators: Sequence[str] | frozenset[str]) -> list[Judgement]:
    return [judgement for judgement in judgements() if judgement.op in operators]


@pytest.mark.parametrize("op", sorted(CLASSIFIER))
def test_operators_of_classifiers_pass_or_are_refused_for_a_known_reason(op: str) -> None:
    of_op = _of([op])
    assert of_op, f"onnx has no case of {op}"
    failed = [judgement for judgement in of_op if judgement.status is not Status.PASS and judgement.case not in REFUSED]
    assert not failed


def test_nothing_that_is_imported_is_wrong() -> None:
    wrong = [judgement for judgement in judgements() if judgement.status in (Status.WRONG, Status.FAILS)]
    assert not wrong


def test_what_is_refused_is_refused_before_it_runs() -> None:
    """Auxiliary inputs that come at run time are taken, or refused; none fails in the run."""
    assert not [judgement for judgement in judgements() if judgement.unstored is Status.FAILS]


def test_all_of_quantization_pass() -> None:
    assert {judgement.status for judgement in _of(QUANTIZATION)} == {Status.PASS}


def test_no_pass_is_lost() -> None:
    assert Counter(judgement.status for judgement in _of(CLASSIFIER))[Status.PASS] >= CLASSIFIER_PASSES
    assert Counter(judgement.status for judgement in judgements())[Status.PASS] >= ALL_PASSES


def test_every_standard_operator_of_ours_has_a_case() -> None:
    """Operators of other domains, and those that only our own passes write, have tests of their own."""
    known = {schema.name for schema in defs.get_all_schemas() if schema.domain == ""}
    assert {op for op in OPERATORS if op in known} - WITHOUT_A_CASE <= {case.op for case in cases()}


def test_a_wrong_import_is_seen() -> None:
    """The judgement itself: a case whose expected values are another operator's does not pass."""
    absolute = next(case for case in cases() if case.name == "test_abs")
    ((inputs, expected),) = absolute.data
    spoilt = Case("spoilt", "Abs", absolute.model, ((inputs, [-expected[0]]),), absolute.rtol, absolute.atol)
    assert judge(spoilt, by_bnnaudit).status is Status.WRONG
    shorter = Case("shorter", "Abs", absolute.model, ((inputs, [expected[0][:1]]),), absolute.rtol, absolute.atol)
    assert judge(shorter, by_bnnaudit).status is Status.WRONG
