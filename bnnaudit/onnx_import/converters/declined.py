"""Operators that onnx2torch converts, but not as ONNX defines them, and that no classifier needs: better refused."""

from __future__ import annotations

from bnnaudit.onnx_import.conversion import Converted, Converter, Node


def _refuse(node: Node) -> Converted:
    raise NotImplementedError("an operator of object detectors")


CONVERTERS: dict[str, Converter] = {"NonMaxSuppression": _refuse}
