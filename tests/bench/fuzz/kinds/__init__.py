"""The eight kinds of input, each with a function that makes a case of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from tests.bench.fuzz.case import Case
from tests.bench.fuzz.kinds import (
    checkpoint_files,
    image_files,
    npz_files,
    onnx_files,
    report_files,
    safetensors_files,
    toml_files,
    zip_files,
)

KINDS: Mapping[str, Callable[[random.Random], Case]] = {
    "onnx": onnx_files.make,
    "pt": checkpoint_files.make,
    "safetensors": safetensors_files.make,
    "npz": npz_files.make,
    "zip": zip_files.make,
    "image": image_files.make,
    "toml": toml_files.make,
    "report": report_files.make,
}


def kind_of(index: int) -> str:
    """The kind of case `index`: one after the other."""
    return list(KINDS)[index % len(KINDS)]


def case_of(seed: int, index: int) -> Case:
    """Case `index`; the same on every run."""
    kind = kind_of(index)
    return KINDS[kind](random.Random(f"{seed}/{index}/{kind}"))
