"""Binarizations in the forms that exporters write: one step each, equal to ONNX Runtime to the bit."""

import numpy as np
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper

from bnnaudit.quantization.quantizers import BinarySign
from tests.onnx_import.building import by_import, by_runtime, imported, lowered, model_of, node

F32 = np.float32
TINY = np.nextafter(F32(0.25), F32(1))
EDGES = np.array([[-2, -0.25, -1e-45, -0.0, 0.0, 1e-45, 0.1, 0.25, TINY, 3.0]], dtype=np.float32)


def constant(value: float | list[float]) -> np.ndarray:
    return np.asarray(value, dtype=np.float32)


def shifted(op: str, shift: float, swapped: bool = False) -> ModelProto:
    operands = "c s" if swapped else "s c"
    nodes = [node("Sign", "x", "s"), node(op, operands, "a"), node("Sign", "a")]
    return model_of(nodes, ["n", 10], {"c": constant(shift)}, opset=15)


def chosen(op: str, operands: str, threshold: float, held: float, otherwise: float) -> ModelProto:
    constants = {"t": constant(threshold), "a": constant(held), "b": constant(otherwise)}
    return model_of([node(op, operands, "c"), node("Where", "c a b")], ["n", 10], constants)


def comparisons() -> list[ModelProto]:
    return [
        chosen(op, operands, threshold, held, otherwise)
        for op in ("GreaterOrEqual", "Greater", "LessOrEqual", "Less")
        for operands in ("x t", "t x")
        for threshold, held, otherwise in ((0, 1, -1), (0.25, -1, 1), (0.25, 0.3, 0.1))
    ]


def inverted() -> ModelProto:
    nodes = [node("Less", "x t", "l"), node("Not", "l", "g"), node("Where", "g a b")]
    return model_of(nodes, ["n", 10], {"t": constant(0.25), "a": constant(1), "b": constant(-1)})


def cast() -> ModelProto:
    nodes = [node("Greater", "x t", "g"), node("Cast", "g", to=TensorProto.FLOAT)]
    return model_of(nodes, ["n", 10], {"t": constant(0.25)})


def doubled(kind: int) -> ModelProto:
    """2 (x > t) - 1, in floats, or in whole numbers that become floats."""
    nodes = [
        node("Greater", "x t", "g"),
        node("Cast", "g", "c", to=kind),
        node("Mul", "c two", "d"),
        node("Sub", "d one", "e"),
        node("Cast", "e", to=TensorProto.FLOAT),
    ]
    number = helper.tensor_dtype_to_np_dtype(kind)
    constants = {"t": constant(0.25), "two": np.array(2, number), "one": np.array(1, number)}
    return model_of(nodes, ["n", 10], constants)


def zero_replaced(level: float, tested: str = "s") -> ModelProto:
    constants = {"zero": constant(0), "one": constant(level)}
    nodes = [node("Sign", "x", "s"), node("Equal", f"{tested} zero", "e"), node("Where", "e one s")]
    return model_of(nodes, ["n", 10], constants)


def filled_by_shape() -> ModelProto:
    """torch.ones_like and its negative, as the exporters write them."""
    one = numpy_helper.from_array(np.array([1], dtype=np.float32))
    nodes = [
        node("Shape", "x", "shape"),
        node("ConstantOfShape", "shape", "ones", value=one),
        node("Expand", "minus shape", "others"),
        node("GreaterOrEqual", "x t", "g"),
        node("Where", "g ones others"),
    ]
    return model_of(nodes, ["n", 10], {"t": constant(0), "minus": constant(-1)})


def masked_fill() -> ModelProto:
    """torch.ones_like(x).masked_fill(x < t, -1): the truth is cast to truth."""
    one = numpy_helper.from_array(np.array([1], dtype=np.float32))
    nodes = [
        node("Shape", "x", "shape"),
        node("ConstantOfShape", "shape", "ones", value=one),
        node("Less", "x t", "l"),
        node("Cast", "l", "c", to=TensorProto.BOOL),
        node("Where", "c minus ones"),
    ]
    return model_of(nodes, ["n", 10], {"t": constant(0.25), "minus": constant(-1)})


def bucketized() -> ModelProto:
    """torch.bucketize: thresholds repeated for every value, and those that are passed counted in whole numbers."""
    nodes = [
        node("Shape", "x", "shape"),
        node("Concat", "three shape", "sizes", axis=0),
        node("Expand", "t sizes", "thresholds"),
        node("Greater", "x thresholds", "g"),
        node("Cast", "g", "c", to=TensorProto.INT64),
        node("ReduceSum", "c first", "sum", keepdims=0),
        node("Cast", "sum", to=TensorProto.FLOAT),
    ]
    constants = {"three": np.array([3]), "t": constant([[[-0.3]], [[0.05]], [[1]]]), "first": np.array([0])}
    return model_of(nodes, ["n", 10], constants)


def per_channel() -> ModelProto:
    thresholds = constant([0, 0.25, 0, -0.0, 0, 1e-45, 0.1, 0.25, 0.25, 4])
    nodes = [node("GreaterOrEqual", "x t", "g"), node("Where", "g a b")]
    return model_of(nodes, ["n", 10], {"t": thresholds, "a": constant(1), "b": constant(-1)})


def constants_in_nodes() -> ModelProto:
    tenth = numpy_helper.from_array(np.array(0.1, dtype=np.float32))
    nodes = [node("Constant", "", "c", value=tenth), node("Sign", "x", "s"), node("Add", "s c", "a"), node("Sign", "a")]
    return model_of(nodes, ["n", 10])


STEPS = {
    "larq": shifted("Add", 0.1),
    "larq, operands swapped": shifted("Add", 0.9, swapped=True),
    "sign(0) = -1": shifted("Add", -0.1),
    "subtracted": shifted("Sub", 0.1),
    "subtracted the other way": shifted("Sub", -0.5),
    "constants in nodes": constants_in_nodes(),
    **{f"comparison {i}": model for i, model in enumerate(comparisons())},
    "not less": inverted(),
    "cast": cast(),
    "zero replaced": zero_replaced(1),
    "zero replaced by -1": zero_replaced(-1),
    "zero replaced, input tested": zero_replaced(1, "x"),
    "filled by shape": filled_by_shape(),
    "threshold for each channel": per_channel(),
    "masked fill": masked_fill(),
}


@pytest.mark.parametrize("name", STEPS)
def test_one_binary_step_equal_to_the_bit(name: str) -> None:
    model = STEPS[name]
    expected = by_runtime(model, EDGES)
    assert len(np.unique(expected)) == 2, "the case shows both levels"
    np.testing.assert_array_equal(by_import(model, EDGES), expected)
    module = imported(model)
    assert sum(isinstance(part, BinarySign) for part in module.modules()) == 1
    low, high = next(part for part in module.modules() if isinstance(part, BinarySign)).levels
    values = torch.from_numpy(EDGES).requires_grad_()
    module(values).sum().backward()
    np.testing.assert_allclose(
        values.grad.numpy(), (high - low) / 2, err_msg="the identity surrogate, scaled", rtol=1e-6
    )


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64])
def test_a_comparison_that_is_doubled(kind: int) -> None:
    model = doubled(kind)
    np.testing.assert_array_equal(by_import(model, EDGES), by_runtime(model, EDGES))
    module = imported(model)
    assert sum(isinstance(part, BinarySign) for part in module.modules()) == 1
    values = torch.from_numpy(EDGES).requires_grad_()
    module(values).sum().backward()
    np.testing.assert_array_equal(values.grad.numpy(), 1, err_msg="that of a step from -1 to +1")


def test_thresholds_that_are_counted() -> None:
    model = bucketized()
    np.testing.assert_array_equal(by_import(model, EDGES), by_runtime(model, EDGES))
    module = imported(model)
    values = torch.from_numpy(EDGES).requires_grad_()
    module(values).sum().backward()
    np.testing.assert_array_equal(values.grad.numpy(), 1.5, err_msg="three steps of half the way from 0 to 1")


def test_a_value_over_its_size_is_its_sign() -> None:
    model = model_of([node("Abs", "x", "a"), node("Div", "x a")], ["n", 10])
    values = np.where(EDGES == 0, np.float32(-7), EDGES)
    np.testing.assert_array_equal(by_import(model, values), by_runtime(model, values))
    assert sum(isinstance(part, BinarySign) for part in imported(model).modules()) == 1


def test_only_the_recognised_step_is_left() -> None:
    assert [found.op_type for found in lowered(shifted("Add", 0.1)).nodes] == ["BinarySign"]


@pytest.mark.parametrize("shift", [0.0, 1.0, 1.5])
def test_a_shift_that_does_not_binarize_stays(shift: float) -> None:
    model = shifted("Add", shift)
    np.testing.assert_array_equal(by_import(model, EDGES), by_runtime(model, EDGES))
    assert [found.op_type for found in lowered(model).nodes] == ["Sign", "Add", "Sign"]


def test_a_first_sign_that_is_used_elsewhere_stays_too() -> None:
    nodes = [node("Sign", "x", "s"), node("Add", "s c", "a"), node("Sign", "a", "b"), node("Add", "s b")]
    model = model_of(nodes, ["n", 10], {"c": constant(0.1)})
    np.testing.assert_array_equal(by_import(model, EDGES), by_runtime(model, EDGES))
    assert [found.op_type for found in lowered(model).nodes] == ["Sign", "BinarySign", "Add"]


def test_a_mask_is_no_binarization() -> None:
    nodes = [node("Greater", "x t", "g"), node("Cast", "g", "m", to=TensorProto.FLOAT), node("Mul", "x m")]
    model = model_of(nodes, ["n", 10], {"t": constant(0)})
    assert [found.op_type for found in lowered(model).nodes] == ["Greater", "Cast", "Mul"]


def test_a_comparison_of_whole_numbers_is_no_binarization() -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Greater", "s five", "g"),
        node("Cast", "g", "f", to=TensorProto.FLOAT),
        node("ReduceSum", "f", "r", keepdims=0),
        node("Add", "x r"),
    ]
    model = model_of(nodes, ["n", 10], {"five": np.array(5)})
    assert "BinarySign" not in [found.op_type for found in lowered(model).nodes]
    np.testing.assert_array_equal(by_import(model, EDGES), by_runtime(model, EDGES))


def test_binary_weights_are_folded() -> None:
    """A network that binarizes its weights in the graph stores them binary once it is read."""
    weights = np.array([[0.5, -2], [0, 3]], dtype=np.float32)
    nodes = [
        node("Sign", "w", "s"),
        node("Add", "s c", "a"),
        node("Sign", "a", "b"),
        node("MatMul", "x b"),
    ]
    graph = lowered(model_of(nodes, ["n", 2], {"w": weights, "c": constant(0.1)}))
    assert [found.op_type for found in graph.nodes] == ["MatMul"]
    np.testing.assert_array_equal(graph.constant(graph.nodes[0].input[1]), [[1, -1], [1, 1]])


def test_names_survive() -> None:
    sign = helper.make_node("Sign", ["a"], ["y"], name="block/activation")
    model = model_of([node("Sign", "x", "s"), node("Add", "s c", "a"), sign], ["n", 10], {"c": constant(0.1)})
    assert [found.name for found in lowered(model).nodes] == ["block/activation"]
