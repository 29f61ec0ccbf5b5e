"""Small files that ask for more than any machine has, each refused in one line; and long ones, opened in linear time."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import AttributeProto, FunctionProto, NodeProto, TensorProto, helper, numpy_helper

from bnnaudit.core.errors import AuditError, ModelError
from bnnaudit.core.file_limits import LARGEST_OF_IMAGE, MOST_CLASSES, OPENING_SECONDS
from bnnaudit.core.limits import Limits, limits_set
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models import first_try
from bnnaudit.models.onnx.load import inspect_onnx, load_onnx
from tests.onnx_import.building import model_of, node

Arrays = Mapping[str, NDArray[Any]]

HEAD = [node("Flatten", "h", "flat"), node("MatMul", "flat w")]
WEIGHTS = np.random.default_rng(0).normal(size=(192, 10)).astype(np.float32)
WEIGHTS_OF_CONVOLUTION = np.random.default_rng(0).normal(size=(144, 10)).astype(np.float32)
REDUCED = [node("ReduceMax", "t", "largest", keepdims=0), node("Add", "x largest", "h"), *HEAD]
TRUE, FOREVER = np.array(True), np.array(2**62)
LONGEST = 60
"""Seconds within which each file has to be refused or opened."""


def written(
    path: Path,
    nodes: Sequence[NodeProto],
    constants: Arrays | None = None,
    functions: Sequence[FunctionProto] = (),
    domain: str = "",
    classes: int = 10,
) -> Path:
    stored = {"w": WEIGHTS, **(constants or {})}
    model = model_of(nodes, ("n", 3, 8, 8), stored, opset=17, output_shape=("n", classes))
    model.functions.extend(functions)
    if domain:
        model.opset_import.append(helper.make_opsetid(domain, 1))
    path.write_bytes(model.SerializeToString())
    return path


def load(path: Path) -> None:
    load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))


def refused(path: Path) -> str:
    """The line with which a file is refused, whether it is to be audited or looked at."""
    start = time.monotonic()
    with pytest.raises(ModelError) as caught:
        load(path)
    assert inspected(path) in ("", str(caught.value))
    assert time.monotonic() - start < LONGEST
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return line


def inspected(path: Path) -> str:
    """Why a file is refused that is only looked at; empty where it is not."""
    try:
        inspect_onnx(path, Preprocessing())
    except AuditError as error:
        return str(error)
    return ""


def loop(body: NodeProto) -> NodeProto:
    """A Loop of `h0` from `x` whose body makes `s2` of `s`."""
    kinds = {"i": TensorProto.INT64, "c": TensorProto.BOOL, "s": TensorProto.FLOAT}
    inputs = [helper.make_tensor_value_info(name, kind, None if name == "s" else []) for name, kind in kinds.items()]
    outputs = [
        helper.make_tensor_value_info("c2", TensorProto.BOOL, []),
        helper.make_tensor_value_info("s2", TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph([node("Identity", "c", "c2"), body], "body", inputs, outputs)
    return node("Loop", "trips cond x", "h", body=graph)


def test_a_loop_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_try, "OPENING_SECONDS", replace(OPENING_SECONDS, most=2))
    nodes = [loop(node("Add", "s s", "s2")), *HEAD]
    path = written(tmp_path / "m.onnx", nodes, {"trips": FOREVER, "cond": TRUE})
    assert re.search("running it on 3 images takes more than (2 s of processor time|5 s); refused", refused(path))


def test_a_loop_that_concatenates(tmp_path: Path) -> None:
    grown = [node("ReduceMax", "h", "r", axes=[2], keepdims=1), node("Flatten", "r", "flat"), node("MatMul", "flat v")]
    nodes = [loop(node("Concat", "s s", "s2", axis=2)), *grown]
    path = written(tmp_path / "m.onnx", nodes, {"trips": FOREVER, "cond": TRUE, "v": WEIGHTS[:24]})
    line = refused(path)
    assert "GiB of memory" in line or "no differentiable import of: Loop" in line


MAKERS: dict[str, tuple[list[NodeProto], Arrays]] = {
    "Expand": ([node("Expand", "one n", "t")], {}),
    "Tile": ([node("Tile", "one n", "t")], {}),
    "ConstantOfShape": ([node("ConstantOfShape", "n", "t")], {}),
    "Pad": ([node("Concat", "n n", "nn", axis=0), node("Pad", "one nn", "t")], {}),
    "OneHot": ([node("OneHot", "zeros n ends", "t")], {"zeros": np.array([0]), "ends": np.array([0, 1], np.float32)}),
    "Range": (
        [node("Squeeze", "n", "m"), node("Range", "zero m step", "r"), node("Cast", "r", "t", to=TensorProto.FLOAT)],
        {"zero": np.array(0), "step": np.array(1)},
    ),
    "Resize": (
        [node("Cast", "n", "scale", to=TensorProto.FLOAT), helper.make_node("Resize", ["one", "", "scale"], ["t"])],
        {},
    ),
}


@pytest.mark.parametrize("op", MAKERS)
def test_a_size_computed_by_exp(op: str, tmp_path: Path) -> None:
    """e^21 numbers are 5 GB, which no shape inference sees."""
    nodes, constants = MAKERS[op]
    computed = [node("Exp", "big", "e"), node("Cast", "e", "n", to=TensorProto.INT64)]
    stored = {"big": np.array([21], np.float32), "one": np.ones(1, np.float32), **constants}
    path = written(tmp_path / "m.onnx", [*computed, *nodes, *REDUCED], stored)
    assert "computing its constants takes more than 3.0 GiB of memory" in refused(path)


@pytest.mark.parametrize(
    ("nodes", "constants", "line"),
    [
        ([node("Tile", "x r", "t")], {"r": np.array([1, 1, 4000, 4000])}, "'t' would hold 3 x 32000 x 32000 numbers"),
        ([node("Einsum", "a a a a", "t", equation="i,j,k,l->ijkl")], {"a": np.ones(400, np.float32)}, "'t' would hold"),
        (
            [node("Expand", "a s", "b"), node("NonZero", "b", "c"), node("Cast", "c", "t", to=TensorProto.FLOAT)],
            {"a": np.ones(1, np.float32), "s": np.array([2, 40000, 4000])},
            "'b' would hold 2 x 40000 x 4000 numbers",
        ),
    ],
)
def test_a_size_that_the_file_states(nodes: list[NodeProto], constants: Arrays, line: str, tmp_path: Path) -> None:
    assert line in refused(written(tmp_path / "m.onnx", [*nodes, *REDUCED], constants))


PLACES = [
    node("Less", "x threshold", "is_black"),
    node("NonZero", "is_black", "places"),
    node("Cast", "places", "p", to=TensorProto.FLOAT),
    node("Transpose", "p", "q"),
]
THRESHOLD: Arrays = {"threshold": np.array(1e-3, np.float32)}

BLACK = [
    node("ReduceMin", "x", "lowest", keepdims=0),
    node("Less", "lowest threshold", "is_black"),
    node("Cast", "is_black", "as_number", to=TensorProto.INT64),
    node("Mul", "as_number huge", "n"),
]


@pytest.mark.parametrize("op", [op for op in MAKERS if op != "OneHot"])
def test_a_size_that_depends_on_the_image(op: str, tmp_path: Path) -> None:
    nodes, constants = MAKERS[op]
    stored = {
        **THRESHOLD,
        "huge": np.array([2_000_000_000]),
        "one": np.ones(1, np.float32),
        **constants,
    }
    path = written(tmp_path / "m.onnx", [*BLACK, *nodes, *REDUCED], stored)
    assert f"which {op} makes, depends on the values of the image" in refused(path)


def test_the_square_of_the_number_of_black_pixels(tmp_path: Path) -> None:
    nodes = [*PLACES, node("MatMul", "q p", "t")]
    path = written(tmp_path / "m.onnx", [*nodes, *REDUCED], THRESHOLD)
    assert "the size of 't', which MatMul makes, depends on the values of the image" in refused(path)


def test_as_many_numbers_as_there_are_black_pixels(tmp_path: Path) -> None:
    """Never more than the image has, so that there is no danger."""
    nodes = [*PLACES, node("ReduceSum", "q", "sum", keepdims=0), node("Add", "x sum", "h"), *HEAD]
    load(written(tmp_path / "m.onnx", nodes, THRESHOLD))


def test_the_size_of_a_size_that_depends_on_the_image(tmp_path: Path) -> None:
    nodes = [*PLACES, node("Shape", "places", "n"), node("Tile", "small n", "t"), *REDUCED]
    path = written(tmp_path / "m.onnx", nodes, {**THRESHOLD, "small": np.ones((1, 1), np.float32)})
    assert "which Tile makes, depends on the values of the image" in refused(path)


def test_sizes_that_follow_from_the_shape_are_taken(tmp_path: Path) -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("ConstantOfShape", "s", "zeros"),
        node("Add", "x zeros", "h"),
        *HEAD,
    ]
    load(written(tmp_path / "m.onnx", nodes))


def doubling(levels: int) -> list[FunctionProto]:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    first = helper.make_function("own", "f0", ["a"], ["b"], [node("Relu", "a", "b")], opsets)
    calls = [
        [node(f"f{level}", "a", "c", domain="own"), node(f"f{level}", "c", "b", domain="own")]
        for level in range(levels)
    ]
    rest = [helper.make_function("own", f"f{i + 1}", ["a"], ["b"], nodes, opsets) for i, nodes in enumerate(calls)]
    return [first, *rest]


@pytest.mark.parametrize("levels", [17, 18, 60])
def test_functions_that_double(levels: int, tmp_path: Path) -> None:
    nodes = [node(f"f{levels}", "x", "h", domain="own"), *HEAD]
    path = written(tmp_path / "m.onnx", nodes, functions=doubling(levels), domain="own")
    count = f"{2**levels + 2:,}" if levels < 40 else "more than 10^15"
    assert f"the graph has {count} nodes once its local functions are written out" in refused(path)


def test_functions_that_are_called_a_few_times_are_taken(tmp_path: Path) -> None:
    nodes = [node("f5", "x", "h", domain="own"), *HEAD]
    load(written(tmp_path / "m.onnx", nodes, functions=doubling(5), domain="own"))


def test_a_function_that_calls_itself(tmp_path: Path) -> None:
    functions = doubling(1)
    functions[0].node[0].op_type, functions[0].node[0].domain = "f1", "own"
    path = written(tmp_path / "m.onnx", [node("f1", "x", "h", domain="own"), *HEAD], functions=functions, domain="own")
    assert "calls itself" in refused(path)


@pytest.mark.parametrize("classes", [MOST_CLASSES.most + 1, 3_000_000, 30_000_000])
def test_too_many_classes(classes: int, tmp_path: Path) -> None:
    nodes = [
        node("Flatten", "x", "flat"),
        node("ReduceSum", "flat axes", "sum", keepdims=1),
        node("Expand", "sum shape"),
    ]
    constants = {"axes": np.array([1]), "shape": np.array([1, classes])}
    path = written(tmp_path / "m.onnx", nodes, constants, classes=classes)
    said = refused(path)
    if classes > LARGEST_OF_IMAGE.most:
        assert f"value 'y' would hold {classes} numbers, more than {LARGEST_OF_IMAGE.most:,} are refused" in said
    else:
        assert f"{classes:,} classes, more than {MOST_CLASSES.most:,} are refused" in said


def chain(op: str, count: int, *others: str) -> list[NodeProto]:
    """`count` nodes in a row, and the head of the network behind them."""
    names = ["x", *(f"v{i}" for i in range(count - 1)), "h"]
    nodes = [node(op, " ".join((before, *others)), after) for before, after in pairwise(names)]
    return [*nodes, *HEAD]


def many_constants(count: int) -> list[NodeProto]:
    """As many Constants, each added to what is there."""
    one = numpy_helper.from_array(np.float32(1e-4))
    nodes: list[NodeProto] = []
    names = ["x", *(f"v{i}" for i in range(count - 1)), "h"]
    for i in range(count):
        nodes += [helper.make_node("Constant", [], [f"c{i}"], value=one), node("Add", f"{names[i]} c{i}", names[i + 1])]
    return [*nodes, *HEAD]


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        pytest.param(chain("Identity", 8000), {}, id="Identity"),
        pytest.param(
            chain("Slice", 1000, "start", "stop"), {"start": np.array([0]), "stop": np.array([9])}, id="Slice"
        ),
        pytest.param(many_constants(1500), {}, id="Constant"),
    ],
)
def test_long_chains_are_opened(nodes: list[NodeProto], constants: Arrays, tmp_path: Path) -> None:
    path = written(tmp_path / "m.onnx", nodes, constants)
    start = time.process_time()
    load(path)
    assert time.process_time() - start < LONGEST / 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(value: float, tmp_path: Path) -> None:
    """The normalisation behind the convolution is folded into it, if the scores stay the same."""
    kernel = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    kernel[0, 0, 0, 0] = value
    nodes = [node("Conv", "x k", "c"), node("BatchNormalization", "c s s s s", "n"), node("Relu", "n", "h"), *HEAD]
    constants = {"w": WEIGHTS_OF_CONVOLUTION, "k": kernel, "s": np.ones(4, np.float32)}
    load(written(tmp_path / "m.onnx", nodes, constants))


def test_a_text_that_is_not_utf8(tmp_path: Path) -> None:
    convolution = node("Conv", "x k", "h")
    convolution.attribute.append(AttributeProto(name="auto_pad", type=AttributeProto.STRING, s=b"\xff\xfeVALID"))
    constants = {"w": WEIGHTS_OF_CONVOLUTION, "k": np.ones((4, 3, 3, 3), np.float32)}
    path = written(tmp_path / "m.onnx", [convolution, *HEAD], constants)
    assert "a damaged ONNX model (auto_pad of Conv 'Conv_h' is not UTF-8)" in refused(path)


@pytest.mark.parametrize("op", ["Gemm", "Cast", "Flatten", "Identity", "Reshape", "Div", "Reciprocal", "Softmax"])
@pytest.mark.parametrize("inputs", ["", "z"])
def test_an_operator_of_another_domain_with_a_known_name(op: str, inputs: str, tmp_path: Path) -> None:
    nodes = [node("Flatten", "x", "flat"), node("MatMul", "flat w", "z"), node(op, inputs, domain="foreign")]
    path = written(tmp_path / "m.onnx", nodes, domain="foreign")
    with pytest.raises(ModelError):
        load(path)
    assert "\n" not in inspected(path)


def test_limits_can_be_lifted(tmp_path: Path) -> None:
    nodes = [
        node("Flatten", "x", "flat"),
        node("ReduceSum", "flat axes", "sum", keepdims=1),
        node("Expand", "sum shape"),
    ]
    constants = {"axes": np.array([1]), "shape": np.array([1, MOST_CLASSES.most + 1])}
    path = written(tmp_path / "m.onnx", nodes, constants, classes=MOST_CLASSES.most + 1)
    with limits_set(Limits.NONE):
        assert inspect_onnx(path, Preprocessing()).num_classes == MOST_CLASSES.most + 1
