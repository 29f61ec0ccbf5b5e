"""Ways to break an ONNX file, each a small change that a random generator decides on."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable

import numpy as np
import onnx
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, defs, helper, numpy_helper

WHOLE = (0, -1, 1, 2, 3, 4, 7, 16, 100, 1000, 65536, 10**6, 10**9, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, -(2**63))
REAL = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 1e-30, 1e30, 3.4e38, float("inf"), float("-inf"), float("nan"))
TEXT = (
    "",
    "SAME_UPPER",
    "VALID",
    "linear",
    "cubic",
    "reflect",
    "edge",
    "wrap",
    "FLOOR",
    "CEIL",
    "no such mode",
    "\x00",
    "é",
)
DOMAINS = (
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "com.microsoft",
    "qonnx.custom_op.general",
    "onnx.brevitas",
    "bnnaudit",
    "my.own",
)
OWN_OPS = (
    "Quant",
    "BipolarQuant",
    "Trunc",
    "IntQuant",
    "MultiThreshold",
    "FusedConv",
    "QLinearAdd",
    "BinarySign",
    "Gelu",
)


def broken(model: ModelProto, chance: random.Random) -> bytes:
    """The bytes of a broken copy of a model, which may be changed itself."""
    if chance.random() < 0.25:
        return chance.choice(BYTES)(model.SerializeToString(), chance)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        # A change for which the model, broken already, has nothing left is left out.
        with contextlib.suppress(IndexError, ValueError, TypeError):
            chance.choice(STRUCTURE)(model, chance)
    return model.SerializeToString()


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _overwrite(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 8))):
        changed[chance.randrange(len(changed))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return bytes(changed)


def _truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _cut_out(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.choice((1, 2, 8, 64)) :]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    end = start + chance.choice((1, 2, 8, 64))
    return data[:end] + data[start:end] + data[end:]


def _change_attribute(model: ModelProto, chance: random.Random) -> None:
    entries = [entry for node in model.graph.node for entry in node.attribute]
    if not entries:
        return
    entry = chance.choice(entries)
    match entry.type:
        case AttributeProto.INT:
            entry.i = chance.choice(WHOLE)
        case AttributeProto.FLOAT:
            entry.f = chance.choice(REAL)
        case AttributeProto.STRING:
            entry.s = chance.choice(TEXT).encode()
        case AttributeProto.INTS:
            values = list(entry.ints)
            _change_list(values, chance)
            entry.ints[:] = values
        case AttributeProto.TENSOR:
            _change_tensor(entry.t, chance)
        case _:
            entry.Clear()


def _change_list(values: list[int], chance: random.Random) -> None:
    kind = chance.random()
    if kind < 0.2 and values:
        values.pop(chance.randrange(len(values)))
    elif kind < 0.4 or not values:
        values.append(chance.choice(WHOLE))
    elif kind < 0.5:
        values[:] = [chance.choice(WHOLE)] * len(values)
    else:
        values[chance.randrange(len(values))] = chance.choice(WHOLE)


def _swap_attribute(model: ModelProto, chance: random.Random) -> None:
    """Drop an attribute, rename it, or give it a value of another type."""
    node = chance.choice(list(model.graph.node))
    names = ["axis", "to", "group", "pads", "strides", "kernel_shape", "dilations", "value", "axes", "mode", "auto_pad"]
    if node.attribute and chance.random() < 0.6:
        names = [node.attribute.pop(chance.randrange(len(node.attribute))).name]
        if chance.random() < 0.4:
            return
    name = chance.choice(names)
    if any(entry.name == name for entry in node.attribute):
        return
    whole = [chance.choice(WHOLE) for _ in range(chance.choice((1, 2, 4)))]
    value: object = chance.choice((chance.choice(WHOLE), chance.choice(REAL), chance.choice(TEXT), whole))
    node.attribute.append(helper.make_attribute(name, value))


def _change_shape(model: ModelProto, chance: random.Random) -> None:
    info = _some_value(model, chance)
    dims = info.type.tensor_type.shape.dim
    kind = chance.random()
    if kind < 0.15:
        info.type.tensor_type.ClearField("shape")
    elif kind < 0.3 and dims:
        dims.pop(chance.randrange(len(dims)))
    elif kind < 0.4:
        dims.add().dim_value = chance.choice(WHOLE)
    elif kind < 0.55 and dims:
        chance.choice(list(dims)).dim_param = chance.choice(("n", "m", "", "batch"))
    elif dims:
        chance.choice(list(dims)).dim_value = chance.choice(WHOLE)


def _some_value(model: ModelProto, chance: random.Random) -> ValueInfoProto:
    """An input, an output, or what a stated shape says of a value in between."""
    inner = [name for node in model.graph.node for name in node.output]
    if chance.random() < 0.3:
        shape = [chance.choice((1, 2, 4, 8, 16)) for _ in range(4)]
        model.graph.value_info.append(helper.make_tensor_value_info(chance.choice(inner), TensorProto.FLOAT, shape))
    return chance.choice([*model.graph.input, *model.graph.output, *model.graph.value_info])


def _change_type(model: ModelProto, chance: random.Random) -> None:
    _some_value(model, chance).type.tensor_type.elem_type = chance.choice((*range(25), 99, -1))


def _change_initializer(model: ModelProto, chance: random.Random) -> None:
    _change_tensor(chance.choice(list(model.graph.initializer)), chance)


def _change_tensor(tensor: TensorProto, chance: random.Random) -> None:
    kind = chance.random()
    if kind < 0.25:
        dims = list(tensor.dims)
        _change_list(dims, chance)
        tensor.dims[:] = dims
    elif kind < 0.35:
        tensor.data_type = chance.choice((*range(25), 99))
    elif kind < 0.4:
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", chance.choice(("../elsewhere", "/dev/zero", "absent.bin", ""))
    elif kind < 0.45:
        tensor.raw_data = b""
    elif kind < 0.55:
        tensor.dims[:] = list(tensor.dims)[::-1]
    else:
        _change_numbers(tensor, chance)


def _change_numbers(tensor: TensorProto, chance: random.Random) -> None:
    """Some of a sound tensor's numbers, or all of them, become unlikely ones."""
    if tensor.data_location == TensorProto.EXTERNAL:
        return
    try:
        array = numpy_helper.to_array(tensor).copy()
    except (ValueError, TypeError, KeyError, OverflowError):
        return
    flat = array.reshape(-1)
    places = range(len(flat)) if chance.random() < 0.3 else [chance.randrange(len(flat))] if len(flat) else []
    number = chance.choice(REAL if array.dtype.kind == "f" else WHOLE)
    for place in places:
        try:
            flat[place] = number
        except (OverflowError, ValueError, TypeError):
            return
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _rewire(model: ModelProto, chance: random.Random) -> None:
    """Give a node another input, one less, one more, none, or its own output."""
    node = chance.choice(list(model.graph.node))
    names = [*_names(model), "", "absent", *node.output]
    kind = chance.random()
    if kind < 0.7 and node.input:
        node.input[chance.randrange(len(node.input))] = chance.choice(names)
    elif kind < 0.85 and node.input:
        node.input.pop(chance.randrange(len(node.input)))
    else:
        node.input.append(chance.choice(names))


def _names(model: ModelProto) -> list[str]:
    graph = model.graph
    made = [name for node in graph.node for name in node.output]
    return [*made, *(tensor.name for tensor in graph.initializer), *(info.name for info in graph.input)]


def _change_outputs(model: ModelProto, chance: random.Random) -> None:
    node = chance.choice(list(model.graph.node))
    kind = chance.random()
    if kind < 0.4:
        node.output[0] = chance.choice([*_names(model), "", "other"])
    elif kind < 0.6:
        node.output.append(chance.choice(("", "second", node.output[0])))
    else:
        info = chance.choice(list(model.graph.output))
        info.name = chance.choice([*_names(model), "absent", ""])


def _change_op(model: ModelProto, chance: random.Random) -> None:
    ops = sorted({schema.name for schema in defs.get_all_schemas() if schema.domain == ""})
    node = chance.choice(list(model.graph.node))
    node.op_type = chance.choice((*ops, *ops, *OWN_OPS, "NoSuchOperator", ""))


def _change_domain(model: ModelProto, chance: random.Random) -> None:
    if chance.random() < 0.5:
        chance.choice(list(model.graph.node)).domain = chance.choice(DOMAINS)
        return
    entry = chance.choice(list(model.opset_import))
    entry.domain = chance.choice(DOMAINS)


def _change_version(model: ModelProto, chance: random.Random) -> None:
    newest = onnx.defs.onnx_opset_version()
    if chance.random() < 0.2:
        model.ir_version = chance.choice((0, 1, 2, 3, 4, 7, 10, 99, 2**62))
    else:
        entry = chance.choice(list(model.opset_import))
        entry.version = chance.choice((0, 1, 5, 6, 7, 9, 10, 11, 12, 13, 18, 20, newest, newest + 1, 2**31, -1))


def _change_nodes(model: ModelProto, chance: random.Random) -> None:
    """A node less, a node twice, or the nodes in another order."""
    nodes = [NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
    place = chance.randrange(len(nodes))
    kind = chance.random()
    if kind < 0.4:
        nodes.pop(place)
    elif kind < 0.7:
        nodes.insert(chance.randrange(len(nodes)), nodes[place])
    else:
        chance.shuffle(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _change_lists(model: ModelProto, chance: random.Random) -> None:
    """An initializer, an input or an output less or twice; an initializer that is an input too."""
    graph = model.graph
    entries = chance.choice((graph.initializer, graph.input, graph.output, model.opset_import))
    kind = chance.random()
    if kind < 0.4 and entries:
        entries.pop(chance.randrange(len(entries)))
    elif kind < 0.8 and entries:
        entries.add().CopyFrom(chance.choice(list(entries)))
    elif graph.initializer:
        tensor = chance.choice(list(graph.initializer))
        graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type or 1, list(tensor.dims)))


def _insert_node(model: ModelProto, chance: random.Random) -> None:
    """An operator more in between, of those that can grow a tensor or take its numbers out of range."""
    node = chance.choice([node for node in model.graph.node if node.input])
    given, made = node.input[0], f"inserted_{len(model.graph.node)}"
    operands = [f"{made}_{position}" for position in range(2)]
    op, count = chance.choice(GROWING)
    sizes = [chance.choice(WHOLE) for _ in range(chance.choice((1, 4, 4, 4)))]
    kind = "float32" if op in ("Resize", "Pow", "Div") else "int64"
    for name in operands[:count]:
        array = numpy_helper.from_array(np.array(sizes, dtype=kind), name)
        model.graph.initializer.append(array)
    inputs = [given, "", operands[0]] if op == "Resize" else [given, *operands[:count]]
    place = list(model.graph.node).index(node)
    node.input[0] = made
    model.graph.node.insert(place, helper.make_node(op, inputs, [made], name=made))


GROWING = (
    ("Expand", 1),
    ("Tile", 1),
    ("Pad", 1),
    ("Resize", 1),
    ("Pow", 1),
    ("Div", 1),
    ("Exp", 0),
    ("Log", 0),
    ("Reshape", 1),
    ("OneHot", 2),
    ("ArgMax", 0),
    ("NonZero", 0),
)

BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (_flip, _flip, _overwrite, _truncate, _cut_out, _repeat)

STRUCTURE: tuple[Callable[[ModelProto, random.Random], None], ...] = (
    _change_attribute,
    _change_attribute,
    _swap_attribute,
    _change_shape,
    _change_type,
    _change_initializer,
    _change_initializer,
    _rewire,
    _rewire,
    _change_outputs,
    _change_op,
    _change_op,
    _change_domain,
    _change_version,
    _change_nodes,
    _change_lists,
    _insert_node,
    _insert_node,
)
