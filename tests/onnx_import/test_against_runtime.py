"""Every operator that we import ourselves, in its versions and settings, against ONNX Runtime."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto

from bnnaudit.onnx_import.operators import STANDARD
from tests.onnx_import.building import by_import, by_runtime, model_of, node, some_values

IMAGES = (2, 3, 7, 6)


@dataclass(frozen=True)
class Case:
    op: str
    inputs: str = "x"
    constants: dict[str, Any] = field(default_factory=dict)
    opset: int = 20
    shape: tuple[int, ...] = IMAGES
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        settings = ",".join(f"{name}={value}" for name, value in self.settings.items())
        return f"{self.op}-{self.opset} {self.inputs} {settings} {'x'.join(map(str, self.shape))}"


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def scalar(value: float) -> np.ndarray:
    return np.array(value, dtype=np.float32)


REDUCTIONS = [
    Case(op, "x axes", {"axes": ints(2, -1)}, opset, settings={"keepdims": keep})
    for op in STANDARD
    if op.startswith("Reduce")
    for opset, keep in ((18, 1), (20, 0))
] + [
    Case("ReduceMean", opset=13, settings={"axes": [1, -1], "keepdims": 0}),
    Case("ReduceSum", "x axes", {"axes": ints(1)}, 13),
    Case("ReduceSum", opset=11, settings={"axes": [-2]}),
    Case("ReduceMax", opset=18, settings={"keepdims": 0}),
    Case("ReduceMean", opset=18, settings={"noop_with_empty_axes": 1}),
    Case("ReduceL2", "x axes", {"axes": ints()}, opset=18),
]

SHAPES = [
    Case("Reshape", "x s", {"s": ints(0, -1)}, 19),
    Case("Reshape", "x s", {"s": ints(-1, 3, 42)}, 13),
    Case("Reshape", "x s", {"s": ints(2, 126)}, settings={"allowzero": 1}),
    Case("Flatten"),
    Case("Flatten", opset=11, settings={"axis": 0}),
    Case("Flatten", settings={"axis": -1}),
    Case("Flatten", settings={"axis": 4}),
    Case("Squeeze", "x a", {"a": ints(-1, 1)}, shape=(2, 1, 3, 1)),
    Case("Squeeze", opset=11, shape=(2, 1, 3, 1), settings={"axes": [3]}),
    Case("Squeeze", shape=(2, 1, 3, 1)),
    Case("Unsqueeze", "x a", {"a": ints(0, -1)}),
    Case("Unsqueeze", "x a", {"a": ints(3, 1)}),
    Case("Unsqueeze", opset=11, settings={"axes": [1]}),
]

PARTS = [
    Case("Slice", "x b e", {"b": ints(1, -3), "e": ints(2, 100)}),
    Case("Slice", "x b e a t", {"b": ints(-1, 1), "e": ints(-100, 6), "a": ints(2, -1), "t": ints(-2, 2)}),
    Case("Slice", "x b e a", {"b": ints(1), "e": ints(-1), "a": ints(-2)}),
    Case("Slice", opset=9, settings={"starts": [1], "ends": [3], "axes": [3]}),
    Case("Pad", "x p", {"p": ints(0, 0, 1, 2, 0, 0, 3, 0)}),
    Case("Pad", "x p v", {"p": ints(0, 1, 0, 2, 1, 0, 3, 0), "v": scalar(-2)}),
    Case("Pad", "x p v a", {"p": ints(1, 2, 0, -1), "v": scalar(0.5), "a": ints(3, -2)}),
    Case("Pad", "x p", {"p": ints(0, 1, 3, 2, 0, 2, 4, 0)}, settings={"mode": "reflect"}),
    Case("Pad", "x p", {"p": ints(1, 0, 3, 2, 0, 0, 4, 0)}, settings={"mode": "edge"}),
    Case("Pad", "x p", {"p": ints(0, 0, 3, 2, 0, 0, 4, 0)}, settings={"mode": "wrap"}),
    Case("Pad", opset=10, settings={"pads": [0, 0, 1, 1, 0, 0, 2, 0], "value": 3.0}),
]

POOLS = [
    Case("GlobalAveragePool"),
    Case("GlobalMaxPool"),
    *(
        Case(op, opset=opset, settings=settings)
        for op in ("MaxPool", "AveragePool")
        for opset, settings in (
            (11, {"kernel_shape": [2, 2], "strides": [2, 2]}),
            (19, {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
            (19, {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [0, 0, 1, 1]}),
            (19, {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
            (19, {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
            (19, {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "VALID"}),
            (19, {"kernel_shape": [2, 4], "strides": [3, 3], "ceil_mode": 1}),
            (19, {"kernel_shape": [2, 2], "dilations": [2, 3]}),
            (19, {"kernel_shape": [2, 2]}),
        )
    ),
    *(
        Case("AveragePool", opset=19, settings={"count_include_pad": 1, "kernel_shape": [3, 3], **settings})
        for settings in ({"pads": [1, 1, 1, 1]}, {"pads": [0, 1, 2, 0], "strides": [2, 2]})
    ),
    Case("MaxPool", shape=(2, 3, 9), settings={"kernel_shape": [3]}),
]

ACTIVATIONS = [
    Case("Clip"),
    Case("Clip", "x l", {"l": scalar(0.2)}),
    Case("Clip", "x - h", {"h": scalar(0.2)}),
    Case("Clip", "x l h", {"l": scalar(0.5), "h": scalar(-0.5)}),
    Case("Clip", opset=6, settings={"min": -0.1, "max": 0.4}),
    Case("Gelu"),
    Case("Gelu", settings={"approximate": "tanh"}),
    Case("Mish"),
    Case("PRelu", "x s", {"s": np.array([0.1, -0.2, 3], dtype=np.float32).reshape(3, 1, 1)}),
    Case("PRelu", "x s", {"s": floats(0.25)}),
    Case("Softmax", settings={"axis": 1}),
    Case("Softmax"),
    Case("Softmax", opset=11),
    Case("LogSoftmax", opset=11, settings={"axis": 2}),
    Case("LogSoftmax", settings={"axis": -1}),
]

RESIZES = [
    *(
        Case("Resize", "x - - z", {"z": ints(2, 3, height, width)}, 19, settings={"mode": mode, **settings})
        for height, width in ((14, 9), (4, 3))
        for mode, settings in (
            *(
                ("nearest", {"coordinate_transformation_mode": coordinates, "nearest_mode": nearest})
                for coordinates in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
                for nearest in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
            ),
            *(
                (mode, {"coordinate_transformation_mode": coordinates})
                for mode in ("linear", "cubic")
                for coordinates in ("half_pixel", "asymmetric", "align_corners", "half_pixel_symmetric")
            ),
            ("cubic", {"exclude_outside": 1, "cubic_coeff_a": -0.5}),
        )
    ),
    Case("Resize", "x - s", {"s": floats(1, 1, 2, 1.7)}, 13, settings={"mode": "linear"}),
    Case("Resize", "x s", {"s": floats(1, 1, 2, 3)}, 10, settings={"mode": "nearest"}),
    Case("Resize", "x - s", {"s": floats(0.5, 2)}, 18, settings={"axes": [3, 2]}),
    Case("Upsample", "x s", {"s": floats(1, 1, 2, 3)}, 9, settings={"mode": "linear"}),
]

CASES = [*REDUCTIONS, *SHAPES, *PARTS, *POOLS, *ACTIVATIONS, *RESIZES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_onnx_runtime(case: Case) -> None:
    values = some_values(*case.shape)
    if case.op in ("ReduceLogSum", "ReduceProd"):
        values = np.abs(values) + 0.5
    model = model_of([node(case.op, case.inputs, **case.settings)], case.shape, case.constants, case.opset)
    expected = by_runtime(model, values)
    result = by_import(model, values)
    assert result.shape == expected.shape
    # ONNX Runtime places cubic weights in single precision.
    atol = 1e-5 if case.settings.get("mode") == "cubic" else 1e-6
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=atol)


SPLITS: list[tuple[int, dict[str, Any], dict[str, Any], str, int]] = [
    (13, {}, {"s": ints(1, 4, 2)}, "x s", 3),
    (18, {"num_outputs": 3}, {}, "x", 3),
    (18, {"num_outputs": 1}, {}, "x", 1),
    (11, {"split": [3, 4]}, {}, "x", 2),
]


@pytest.mark.parametrize(("opset", "settings", "constants", "inputs", "parts"), SPLITS)
def test_split_equals_onnx_runtime(
    opset: int, settings: dict[str, Any], constants: dict[str, Any], inputs: str, parts: int
) -> None:
    """Each part is scaled by another number and all are joined again, so that none can be taken for another."""
    split: NodeProto = node("Split", inputs, "p0", axis=2, **settings)
    split.output.extend(f"p{i}" for i in range(1, parts))
    scaled = [node("Mul", f"p{i} c{i}", f"q{i}") for i in range(parts)]
    joined = node("Concat", " ".join(f"q{i}" for i in reversed(range(parts))), axis=2)
    scales = {f"c{i}": scalar(i + 2) for i in range(parts)}
    model = model_of([split, *scaled, joined], IMAGES, {**constants, **scales}, opset)
    values = some_values(*IMAGES)
    np.testing.assert_array_equal(by_import(model, values), by_runtime(model, values))


def test_swish_equals_its_formula() -> None:
    """ONNX Runtime does not know Swish-24 on every build, so the formula is the oracle."""
    values = some_values(2, 5)
    model = model_of([node("Swish", "x", alpha=1.5)], (2, 5), opset=24)
    np.testing.assert_allclose(by_import(model, values), values / (1 + np.exp(-1.5 * values)), rtol=1e-5)


def test_computed_targets_and_bounds() -> None:
    """A Reshape to a shape read off another tensor, a Slice up to a computed end, a Clip at a computed bound."""
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s first", "n"),
        node("Concat", "n rest", "target", axis=0),
        node("Reshape", "x target", "flat"),
        node("ReduceMax", "flat", "top", keepdims=0),
        node("Clip", "flat - top", "clipped"),
        node("Slice", "clipped zero n one", "part"),
        node("Neg", "part"),
    ]
    constants = {"first": ints(0), "rest": ints(-1), "zero": ints(0), "one": ints(1)}
    model = model_of(nodes, IMAGES, constants)
    # The batch is open, so nothing of this is constant.
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    values = some_values(*IMAGES)
    np.testing.assert_array_equal(by_import(model, values), by_runtime(model, values))
