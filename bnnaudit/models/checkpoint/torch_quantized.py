"""Checkpoints that PyTorch itself quantized: their layers exist only in PyTorch's kernels, so they are exported to ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from bnnaudit.core.errors import CheckpointError

PACKED = "_packed_params"
"""Where the eager mode keeps the weights of a quantized layer, which are not tensors by then."""

FAKE = ("fake_quant_enabled", "activation_post_process")
"""Parts of the names that observers and fake quantizers add to a network prepared for quantization."""

MODULES = ("torch.ao.nn.quantized.", "torch.ao.nn.intrinsic.quantized.", "torch.nn.quantized.", "torchao.")

EXPORT = (
    "export the quantized model to ONNX and audit that: torch.onnx.export(model, (images,), 'model.onnx', dynamo=False, "
    "input_names=['x'], dynamic_axes={'x': {0: 'n'}}); a dynamically quantized model has no such export: export the float "
    "one and quantize the file with onnxruntime.quantization.quantize_dynamic('float.onnx', 'model.onnx')"
)


def refuse_quantized(path: Path | str, stored: Mapping[Any, Any]) -> None:
    """Raises CheckpointError, with what to do, for a state dict of PyTorch's quantized layers."""
    names = [
        str(name)
        for name, value in stored.items()
        if PACKED in str(name).split(".") or (isinstance(value, Tensor) and value.is_quantized)
    ]
    if names:
        raise CheckpointError(refusal_of_quantized(path, f"{names[0][:80]} and the like are"))


def refusal_of_quantized(path: Path | str, what: str) -> str:
    """Why tensors that PyTorch quantized are not read; `what` with its verb."""
    return f"{path}: PyTorch-quantized ({what} whole numbers for PyTorch's own kernels); {EXPORT}"


def advice_for_modules(names: Sequence[str]) -> str:
    """What to say of a pickle that needs classes of these names; empty where none is of a quantized layer."""
    found = next((name for name in names if name.startswith(MODULES)), None)
    return "" if found is None else f"holds PyTorch-quantized layers ({found}), which only PyTorch could read; {EXPORT}"


def hint_for_unknown(names: Sequence[str]) -> str:
    """What to say of weights that no architecture has but one prepared for quantization; empty where there are none."""
    if not any(part in name.split(".") for name in names for part in FAKE):
        return ""
    return (
        "; these are of a network prepared for quantization-aware training: let the architecture prepare it likewise "
        "(torch.ao.quantization.prepare_qat), or export the trained network to ONNX"
    )
