"""Steps without a gradient: sign and the roundings, and those that `patterns` and `rounding_patterns` recognise."""

from __future__ import annotations

from dataclasses import dataclass

from bnnaudit.onnx_import.conversion import Converted, Converter, Node, elementwise
from bnnaudit.quantization.grids import RoundingMode
from bnnaudit.quantization.quantizers import BinarySign, Flooring, Rounding, TernarySign

BINARY_SIGN = "BinarySign"

# A rounding that `rounding_patterns` recognises, and the attribute that holds its `RoundingMode`.
ROUND_BY, MODE = "RoundBy", "mode"


def _binary_sign(node: Node) -> Converted:
    levels = (float(node.attribute("low")), float(node.attribute("high")))
    threshold, strict = float(node.attribute("threshold")), bool(node.attribute("strict"))
    return Converted(BinarySign(threshold, levels=levels, strict=strict), node.inputs)


def _round_by(node: Node) -> Converted:
    return Converted(Rounding(RoundingMode.parse(str(node.attribute(MODE)))), node.inputs)


@dataclass(frozen=True, slots=True)
class Kind:
    """What people call a step, and its bits and the range of its results where known."""

    op: str
    bits: int | None = None
    low: float | None = None
    high: float | None = None


QUANTIZERS: dict[str, Kind] = {
    BINARY_SIGN: Kind(BinarySign.op, BinarySign.bits),
    "Sign": Kind(TernarySign.op, TernarySign.bits),
    "Round": Kind(Rounding.op),
    ROUND_BY: Kind(Rounding.op),
    "Floor": Kind("floor"),
    "Ceil": Kind("ceil"),
}

CONVERTERS: dict[str, Converter] = {
    BINARY_SIGN: _binary_sign,
    ROUND_BY: _round_by,
    "Sign": elementwise(TernarySign),
    "Round": elementwise(Rounding),
    "Floor": elementwise(Flooring),
    "Ceil": elementwise(lambda: Flooring(up=True)),
}
