"""Networks that are far larger than their files: long chains, deep functions, loops, and sizes that are computed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import numpy as np
from onnx import FunctionProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

SIZES = (3, 100, 10_000, 10**6, 10**9, 2**31, 2**40, 2**62)


def grown(model: ModelProto, chance: random.Random) -> bytes:
    """The model with something that grows before its first operator."""
    node = next((node for node in model.graph.node if "x" in node.input), None)
    if node is None:
        return bytes(model.SerializeToString())
    made = chance.choice(GROWTHS)(model, chance)
    place = list(model.graph.node).index(node)
    node.input[list(node.input).index("x")] = "grown"
    for one in reversed(made):
        model.graph.node.insert(place, one)
    return bytes(model.SerializeToString())


def _chain(model: ModelProto, chance: random.Random) -> list[NodeProto]:
    """A chain of one operator."""
    op = chance.choice(("Identity", "Relu", "Neg", "Sign", "Dropout", "Exp", "Cast"))
    length = chance.choice((10, 300, 2_000))
    names = ["x", *(f"c{number}" for number in range(length - 1)), "grown"]
    settings = {"to": TensorProto.FLOAT} if op == "Cast" else {}
    return [helper.make_node(op, [one], [other], **settings) for one, other in itertools.pairwise(names)]


def _double(model: ModelProto, chance: random.Random) -> list[NodeProto]:
    """Every value joined to itself."""
    levels = chance.choice((2, 8, 20, 30, 60))
    names = ["x", *(f"c{number}" for number in range(levels - 1)), "grown"]
    axis = chance.choice((0, 1, 2, 3))
    return [helper.make_node("Concat", [one, one], [other], axis=axis) for one, other in itertools.pairwise(names)]


def _functions(model: ModelProto, chance: random.Random) -> list[NodeProto]:
    """Functions of which each calls the one before twice, or itself."""
    levels = chance.choice((2, 10, 18, 30))
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    looped = chance.random() < 0.2
    functions: list[FunctionProto] = []
    for level in range(levels):
        inner = f"f{level - 1}" if level else f"f{levels - 1}" if looped else ""
        body = (
            [helper.make_node(inner, ["a"], ["b"], domain="own"), helper.make_node(inner, ["b"], ["c"], domain="own")]
            if inner
            else [helper.make_node("Identity", ["a"], ["c"])]
        )
        functions.append(helper.make_function("own", f"f{level}", ["a"], ["c"], body, opset))
    model.functions.extend(functions)
    if not any(entry.domain == "own" for entry in model.opset_import):
        model.opset_import.append(helper.make_opsetid("own", 1))
    return [helper.make_node(f"f{levels - 1}", ["x"], ["grown"], domain="own")]


def _loop(model: ModelProto, chance: random.Random) -> list[NodeProto]:
    """A loop of very many rounds, whose value may grow in each."""
    count = chance.choice(SIZES)
    step = chance.choice(
        (
            helper.make_node("Identity", ["v"], ["w"]),
            helper.make_node("Concat", ["v", "v"], ["w"], axis=1),
            helper.make_node("Add", ["v", "v"], ["w"]),
            helper.make_node("Pad", ["v", "pads"], ["w"]),
        )
    )
    shape = [None] * 4
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), step],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, shape),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, shape),
        ],
    )
    _store(model, "count", np.array(count, np.int64))
    _store(model, "yes", np.array(True))
    _store(model, "pads", np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    return [helper.make_node("Loop", [chance.choice(("count", "")), "yes", "x"], ["grown"], body=body)]


def _branch(model: ModelProto, chance: random.Random) -> list[NodeProto]:
    """Ifs inside one another, of a condition that the image decides, or a stored one."""
    depth = chance.choice((1, 2, 10, 20))
    _store(model, "zero", np.array(0.5, np.float32))
    _store(model, "yes", np.array(True))

    def graph(level: int) -> object:
        output = [helper.make_tensor_value_info(f"o{level}", TensorProto.FLOAT, None)]
        if level == depth:
            return helper.make_graph([helper.make_node("Identity", ["x"], [f"o{level}"])], "leaf", [], output)
        inner = graph(level + 1)
        node = helper.make_node(
            "If", [condition], [f"o{level}"], then_branch=inner, else_branch=inner if level % 9 == 8 else leaf
        )
        return helper.make_graph([node], "inner", [], output)

    leaf = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["leaf"])],
        "leaf",
        [],
        [helper.make_tensor_value_info("leaf", TensorProto.FLOAT, None)],
    )
    condition = chance.choice(("yes", "big"))
    top = helper.make_node("If", [condition], ["grown"], then_branch=graph(0), else_branch=leaf)
    return [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
        helper.make_node("Greater", ["mean", "zero"], ["big"]),
        top,
    ]


def _computed(model: ModelProto, chance: random.Random) -> list[NodeProto]:
    """A size that comes out of a computation on the image or on stored numbers."""
    size = chance.choice(SIZES)
    source = chance.choice(("x", "stored"))
    _store(model, "stored", np.array([1.0, float(size)], np.float32))
    _store(model, "one", np.array([1], np.int64))
    _store(model, "factor", np.array(float(size), np.float32))
    _store(model, "start", np.array(0, np.int64))
    _store(model, "delta", np.array(chance.choice((1, -1, 0)), np.int64))
    head = [
        helper.make_node("ReduceMax", [source], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "factor"], ["scaled"]),
        helper.make_node(chance.choice(("Exp", "Sqrt", "Abs", "Log")), ["scaled"], ["real"]),
        helper.make_node("Cast", ["real"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["whole", "one"], ["size"]),
    ]
    tail = chance.choice(
        (
            [helper.make_node("ConstantOfShape", ["size"], ["many"])],
            [
                helper.make_node("Range", ["start", "whole", "delta"], ["range"]),
                helper.make_node("Cast", ["range"], ["many"], to=1),
            ],
            [helper.make_node("Expand", ["factor", "size"], ["many"])],
            [helper.make_node("Tile", ["stored", "size"], ["many"])],
            [
                helper.make_node("Concat", ["size", "size"], ["square"], axis=0),
                helper.make_node("ConstantOfShape", ["square"], ["wide"]),
                helper.make_node("EyeLike", ["wide"], ["eye"]),
                helper.make_node("Cast", ["eye"], ["many"], to=1),
            ],
            [
                helper.make_node("Unsqueeze", ["size", "start1"], ["row"]),
                helper.make_node("Cast", ["row"], ["many"], to=1),
            ],
        )
    )
    _store(model, "start1", np.array([0], np.int64))
    return [
        *head,
        *tail,
        helper.make_node("ReduceMean", ["many"], ["mean"], keepdims=0),
        helper.make_node("Add", ["x", "mean"], ["grown"]),
    ]


def _store(model: ModelProto, name: str, array: np.ndarray) -> None:
    model.graph.initializer.append(numpy_helper.from_array(array, name))


GROWTHS: tuple[Callable[[ModelProto, random.Random], list[NodeProto]], ...] = (
    _chain,
    _double,
    _functions,
    _loop,
    _branch,
    _computed,
    _computed,
)
