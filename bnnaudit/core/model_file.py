"""Which files hold a model that can be read."""

from __future__ import annotations

import os
from pathlib import Path

from bnnaudit.core.errors import ModelError

ONNX_SUFFIXES = (".onnx",)
CHECKPOINT_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
PROGRAM_SUFFIXES = (".pt2",)
"""Programs of torch.export, which the reader of checkpoints refuses with the way out."""


def require_model(model: Path) -> None:
    """Raises ModelError unless `model` is a file of a supported kind."""
    if not model.exists():
        raise ModelError(f"{model}: no such file")
    if not model.is_file():
        raise ModelError(f"{model}: not a file; give an ONNX file or a checkpoint")
    if model.suffix.lower() not in (*ONNX_SUFFIXES, *CHECKPOINT_SUFFIXES, *PROGRAM_SUFFIXES):
        known = ", ".join((*ONNX_SUFFIXES, *CHECKPOINT_SUFFIXES))
        raise ModelError(f"{model}: not a supported kind of model; give one of {known}")
    if not os.access(model, os.R_OK):
        raise ModelError(f"{model}: cannot be read (permission denied)")
