"""The table of operators, held against the operators' own definitions: what is forgotten in an entry fails here."""

from __future__ import annotations

import re
from functools import lru_cache

import pytest
from onnxruntime.capi import onnxruntime_pybind11_state

from bnnaudit.core.errors import UnsupportedOperatorsError
from bnnaudit.onnx_import.graph.graph import QONNX_DOMAINS, RUNTIME_DOMAIN
from bnnaudit.onnx_import.operators import OPERATORS, OWN, QONNX, QUANTIZED, RUNTIME, STANDARD
from bnnaudit.onnx_import.passes.qonnx_to_standard import WRITERS
from tests.onnx_import import test_contrib
from tests.onnx_import.building import imported, model_of, node

DEFINED = [*QUANTIZED, *(f"{RUNTIME_DOMAIN}.{op}" for op in RUNTIME)]

TESTED_ELSEWHERE = {"QuantizeLinear", "DequantizeLinear"}
"""With the standard ones of these names."""

WITHOUT_A_KERNEL = {"QLinearReduceMean"}
"""Defined by ONNX Runtime, and computed by none of its providers for the CPU."""


@lru_cache(maxsize=1)
def definitions() -> dict[str, tuple[list[str], list[str]]]:
    """Operator -> the names of its inputs and outputs in ONNX Runtime's definition, in small letters."""
    return {
        f"{schema.domain}.{schema.name}".removeprefix("."): (
            [value.name.lower() for value in schema.inputs],
            [value.name.lower() for value in schema.outputs],
        )
        for schema in onnxruntime_pybind11_state.get_all_operator_schema()
    }


def place(inputs: list[str], name: str) -> tuple[int, ...]:
    return (inputs.index(name),) if name in inputs else ()


@pytest.mark.parametrize("op", DEFINED)
def test_zero_points_are_where_the_definition_has_them(op: str) -> None:
    inputs, outputs = definitions()[op]
    zero_point = OPERATORS[op].zero_point
    assert (() if zero_point is None else (zero_point,)) == place(inputs, f"{outputs[0]}_zero_point")


@pytest.mark.parametrize("op", DEFINED)
def test_factors_of_integer_products_are_where_the_definition_has_them(op: str) -> None:
    inputs, _ = definitions()[op]
    spec = OPERATORS[op]
    weights = next(iter(spec.weights), 0)
    told = place(inputs, f"{inputs[weights]}_zero_point")
    if not spec.weights or not told:
        assert spec.integer_product is None
        return
    first = place(inputs, f"{inputs[0]}_zero_point")
    assert spec.integer_product == ((*first, 0) if first else (), (*told, weights))


def test_every_layer_with_weights_says_where_they_are() -> None:
    assert {op for op, spec in OPERATORS.items() if spec.weights} == {
        op for op in OPERATORS if re.search("Conv|MatMul|Gemm", op)
    }


def test_what_names_tell() -> None:
    """A range that is taken from the batch, with the bits to say of it; a result between 0 and 1."""
    dynamic = {op for op in OPERATORS if "Dynamic" in op}
    assert {op for op, spec in OPERATORS.items() if spec.of_the_batch} == dynamic
    assert all(OPERATORS[op].quantizer is not None for op in dynamic)
    assert {op for op, spec in OPERATORS.items() if spec.squashes} == {op for op in OPERATORS if "Sigmoid" in op}


def test_every_operator_of_another_domain_has_a_stand_in() -> None:
    assert [op for op, spec in {**RUNTIME, **QONNX}.items() if spec.stand_in is None] == []


def test_every_operator_of_onnx_runtime_has_a_case() -> None:
    """Which holds its values, the shape that is inferred, and the type to the runtime."""
    tested = {case.op for case in (*test_contrib.cases(test_contrib.np.uint8), *test_contrib.FLOATS)}
    assert set(RUNTIME) - TESTED_ELSEWHERE - WITHOUT_A_KERNEL == tested


def test_every_quantizer_of_qonnx_can_be_written_with_standard_operators() -> None:
    assert set(WRITERS) == {f"{domain}.{op}" for domain in QONNX_DOMAINS for op in QONNX}
    assert [op for op, spec in QONNX.items() if spec.quantizer is None] == []


def test_no_operator_has_two_entries() -> None:
    assert len(OPERATORS) == len(STANDARD) + len(QUANTIZED) + len(RUNTIME) + len(OWN) + len(QONNX_DOMAINS) * len(QONNX)


def test_operators_without_an_import_and_settings_without_one_are_named_together() -> None:
    """So that nobody mends one half of a file to be told of the other."""
    nodes = [node("Det", "x", "a"), node("LpPool", "a", "b", kernel_shape=[2, 2, 2, 2]), node("Relu", "b")]
    with pytest.raises(UnsupportedOperatorsError) as caught:
        imported(model_of(nodes, ["n", 3, 8, 8]))
    assert str(caught.value) == (
        "no differentiable import of: Det-11 (1x, first 'Det_a'); "
        "cannot be converted: LpPool 'LpPool_b': windows over 4 axes; one to three are supported"
    )
