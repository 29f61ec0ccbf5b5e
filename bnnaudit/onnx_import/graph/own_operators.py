"""Operators of our own domain, which only the passes write, and the attributes by which passes inform converters."""

from __future__ import annotations

BINARY_SIGN = "BinarySign"
ROUND_BY, MODE = "RoundBy", "mode"
"""A rounding, and the attribute with its `RoundingMode`."""
GRID_STEP = "GridStep"
"""A rounding whose values are clipped to known whole numbers."""
QUANTIZE_DEQUANTIZE = "QuantizeDequantize"
TO_FLOAT, FROM_FLOAT, TRUNCATE = "ToFloat", "FromFloat", "Truncate"
"""Numbers of a short type as floats, and the other way round; a cast or quotient of whole numbers, as floats."""
QUANTIZES_TO = "quantizes_to"
"""The attribute with the TensorProto type that a node quantizes to."""
ROWS_PER_IMAGE = "rows_per_image"
"""How many rows of its input's first axis each image has, where images are to have ranges of their own."""
SINCE_VERSION = "since_version"
"""The version of the standard operators that a lowered node was written for."""
