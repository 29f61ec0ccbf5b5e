"""The names under which QONNX's operators are written: by qonnx itself, by older Brevitas, and by FINN."""

from __future__ import annotations

QONNX_DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
