"""The inputs that operators of other domains need, held against ONNX Runtime's schemas."""

import pytest
from onnxruntime.capi import onnxruntime_pybind11_state

from bnnaudit.core.errors import ModelError
from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN, RUNTIME_DOMAIN
from bnnaudit.onnx_import.least_inputs import LEAST_INPUTS, OF_QONNX, OF_RUNTIME, check_inputs
from bnnaudit.onnx_import.operators import QONNX, RUNTIME
from tests.onnx_import.building import model_of, node


def test_every_operator_of_another_domain_has_its_number() -> None:
    schemas = onnxruntime_pybind11_state.get_all_operator_schema()
    least = {schema.name: schema.min_input for schema in schemas if schema.domain == RUNTIME_DOMAIN}
    assert {op: least[op] for op in RUNTIME} == OF_RUNTIME
    assert OF_QONNX.keys() == QONNX.keys()


@pytest.mark.parametrize("name", sorted(LEAST_INPUTS))
def test_a_node_with_fewer_is_refused(name: str) -> None:
    domain, _, op = name.rpartition(".")
    least = LEAST_INPUTS[name]
    check_inputs(model_of([node(op, " ".join("x" * least), domain=domain)], (1, 3)))
    with pytest.raises(ModelError, match=f"takes {least - 1} inputs; it needs {least}"):
        check_inputs(model_of([node(op, " ".join("x" * (least - 1)), domain=domain)], (1, 3)))


def test_our_own_domain_is_refused() -> None:
    with pytest.raises(ModelError, match="which no file may use"):
        check_inputs(model_of([node("Gemm", "x", domain=OWN_DOMAIN)], (1, 3)))
