import numpy as np
import torch
from onnx import helper

from bnnaudit.onnx_import.graph.graph import Graph
from bnnaudit.quantization.quantizers import Flooring, Quantizer, Rounding, TernarySign
from tests.onnx_import.building import by_import, by_runtime, imported, lowered, model_of, node

EDGES = np.array([[-2.5, -1.5, -1.0, -0.5, -1e-40, -0.0, 0.0, 1e-40, 0.5, 1.0, 1.5, 2.5]], dtype=np.float32)


def quantizers_of(graph_input: Graph) -> list[str]:
    return [node.op_type for node in graph_input.nodes]


def check(op: str, kind: type[Quantizer]) -> None:
    model = model_of([node(op, "x")], ["n", 12])
    np.testing.assert_array_equal(by_import(model, EDGES), by_runtime(model, EDGES))
    module = imported(model)
    assert [type(part) for part in module.modules() if isinstance(part, Quantizer)] == [kind]
    values = torch.from_numpy(EDGES).requires_grad_()
    module(values).sum().backward()
    assert torch.equal(values.grad, torch.ones_like(values)), "the identity surrogate"


def test_sign() -> None:
    check("Sign", TernarySign)


def test_round_halves_go_to_even() -> None:
    check("Round", Rounding)


def test_floor() -> None:
    check("Floor", Flooring)


def test_ceil() -> None:
    check("Ceil", Flooring)


def test_lowering_leaves_other_operators_alone() -> None:
    model = model_of([node("Strange", "x", "r", domain="my.domain"), node("Sign", "r")], ["n", 4])
    model.opset_import.append(helper.make_opsetid("my.domain", 1))
    assert [(n.domain, n.op_type) for n in lowered(model).nodes] == [("my.domain", "Strange"), ("bnnaudit", "Sign")]
