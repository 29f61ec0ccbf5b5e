"""`auto_pad` written out: SAME_UPPER and SAME_LOWER become explicit margins, as the size of the image is known."""

from __future__ import annotations

from onnx import NodeProto, helper

from bnnaudit.onnx_import.graph.graph import STANDARD_DOMAIN, Graph, attribute

WINDOWED = frozenset({"Conv", "AveragePool", "MaxPool"})


def write_out_padding(graph: Graph) -> None:
    """Replace SAME_* of convolutions and poolings by `pads`; nodes on an image of unknown size stay as they are."""
    for node in graph.nodes:
        if node.domain != STANDARD_DOMAIN or node.op_type not in WINDOWED:
            continue
        mode = attribute(node, "auto_pad", b"NOTSET").decode()
        pads = _same(graph, node, upper=mode == "SAME_UPPER") if mode.startswith("SAME") else None
        if pads is None:
            continue
        for entry in [entry for entry in node.attribute if entry.name in ("auto_pad", "pads")]:
            node.attribute.remove(entry)
        node.attribute.append(helper.make_attribute("pads", pads))


def _same(graph: Graph, node: NodeProto, upper: bool) -> list[int] | None:
    """Margins, all beginnings before all ends, that make the output ceil(size / stride) long."""
    shape = graph.shape(node.input[0])
    kernel = attribute(node, "kernel_shape") or _kernel_of_weights(graph, node)
    if shape is None or kernel is None or len(shape) != len(kernel) + 2:
        return None
    axes = len(kernel)
    strides = attribute(node, "strides") or [1] * axes
    dilations = attribute(node, "dilations") or [1] * axes
    begins, ends = [], []
    for size, window, stride, dilation in zip(shape[2:], kernel, strides, dilations, strict=True):
        if size is None:
            return None
        total = max(0, (-(-size // stride) - 1) * stride + dilation * (window - 1) + 1 - size)
        begins.append(total // 2 if upper else total - total // 2)
        ends.append(total - begins[-1])
    return begins + ends


def _kernel_of_weights(graph: Graph, node: NodeProto) -> list[int] | None:
    shape = graph.shape(node.input[1]) if len(node.input) > 1 else None
    return None if shape is None or None in shape else [int(size or 0) for size in shape[2:]]
