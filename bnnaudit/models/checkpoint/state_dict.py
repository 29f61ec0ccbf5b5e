"""Reads the weights of a checkpoint without running any code that the file may hold."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bnnaudit.core.errors import CheckpointError, listed, one_line
from bnnaudit.core.facts import ModelFormat
from bnnaudit.models.checkpoint.torch_quantized import advice_for_modules, refuse_quantized

PICKLED = (".pt", ".pth", ".bin", ".ckpt")
SUFFIXES = (".safetensors", *PICKLED)
WRAPPERS = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "ema", "model_ema"),
    "weights",
)
"""Keys under which a checkpoint holds its state dict, in the order in which they are tried."""
LARGEST_BYTES = 16 * 2**30
"""Of a checkpoint in memory; not tuned."""
NEST = 3
"""Such keys inside one another; not tuned."""

_BLOCKED = re.compile(r"(?:Unsupported global: GLOBAL|Unsupported class|Unsupported type)\s+([\w.<>]+)")


def read_state_dict(path: Path) -> tuple[ModelFormat, dict[str, Tensor]]:
    """The file's format and its weights by name, on the CPU.

    `.safetensors`, or what torch.save wrote: a state dict, alone or under a usual key such as `state_dict`. Pickles are
    read with `weights_only=True`. Raises CheckpointError for anything else, with what to do about it.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    size = path.stat().st_size
    if size == 0:
        raise CheckpointError(f"{path}: the file is empty; save the checkpoint again")
    if size > LARGEST_BYTES:
        raise CheckpointError(f"{path}: {size / 2**30:.0f} GiB is more than this tool loads into memory")
    if path.suffix.lower() == ".safetensors":
        return ModelFormat.SAFETENSORS, _read_safetensors(path)
    if path.suffix.lower() in PICKLED:
        return ModelFormat.PYTORCH, _state_dict_in(path, _unpickled(path))
    raise CheckpointError(f"{path}: not a supported kind of checkpoint; give one of {', '.join(SUFFIXES)}")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path, device="cpu")
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{path}: not a readable safetensors file ({one_line(error, 160)}); save it again"
        ) from error
    if not tensors:
        raise CheckpointError(f"{path}: holds no tensors; save model.state_dict() with safetensors.torch.save_file")
    return tensors


def _unpickled(path: Path) -> object:
    """What torch.save wrote, as far as it is tensors and plain values."""
    refuse_programs(path)
    try:
        with warnings.catch_warnings():
            # What torch deprecates about a file's contents is not for the one who reads it.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise CheckpointError(_refusal(path, error)) from error
    except Exception as error:  # a damaged file makes torch's reader raise anything
        raise CheckpointError(
            f"{path}: not a readable PyTorch checkpoint, or a truncated one ({one_line(error, 160)}); "
            "save model.state_dict() again"
        ) from error


def refuse_programs(path: Path) -> None:
    """Raises CheckpointError for zips, of any name, that hold programs, or that unpack to more than memory should hold."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise CheckpointError(f"{path}: a damaged archive ({error}); save the checkpoint again") from error
    if sum(entry.file_size for entry in entries) > LARGEST_BYTES:
        raise CheckpointError(f"{path}: unpacks to more than {LARGEST_BYTES // 2**30} GiB; it is not read")
    members = {entry.filename.partition("/")[2] or entry.filename for entry in entries}
    advice = "save model.state_dict() as safetensors and name its architecture, or export the model to ONNX"
    if "constants.pkl" in members:
        raise CheckpointError(f"{path}: a TorchScript program, not weights; {advice}")
    if members & {"archive_format", "serialized_exported_program.json", "models/model.json"}:
        raise CheckpointError(
            f"{path}: a torch.export program, whose loader unpickles what the file holds; export it to ONNX: "
            "torch.onnx.export(torch.export.load(PATH), dynamo=True).save('model.onnx')"
        )


def _refusal(path: Path, error: pickle.UnpicklingError) -> str:
    """Why a pickle is not read: what it wants to run, as far as that can be told without running it."""
    blocked = _blocked_names(path) or _BLOCKED.findall(str(error))
    names = listed(blocked, most=4)
    advice = "save model.state_dict() alone, best with safetensors.torch.save_file"
    if not blocked:
        return f"{path}: not a PyTorch checkpoint, or a damaged one; {advice}"
    if own_advice := advice_for_modules(blocked):
        return f"{path}: {own_advice}"
    if any(name.startswith("torch.nn.modules.") for name in blocked):
        return f"{path}: holds a whole pickled module ({names}), which only its own code could read; {advice}"
    return f"{path}: refused: loading this pickle would run code ({names}) that could do anything; if it is yours, {advice}"


def _blocked_names(path: Path) -> list[str]:
    """The functions and classes in the pickle that are not plain weights; empty where torch cannot list them."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except Exception:  # a pickle may be broken in any way
        return []


def _state_dict_in(path: Path, stored: object, depth: int = 0) -> dict[str, Tensor]:
    """The state dict that a checkpoint is, or holds under a usual key, or as the only one among other things."""
    if isinstance(stored, Mapping):
        refuse_quantized(path, stored)
        if _is_state_dict(stored):
            return dict(stored)
        for key in WRAPPERS if depth < NEST else ():
            if isinstance(stored.get(key), Mapping):
                return _state_dict_in(path, stored[key], depth + 1)
    elif not isinstance(stored, list | tuple):
        raise CheckpointError(f"{path}: holds a {type(stored).__name__}, not a state dict; save model.state_dict()")
    parts = list(stored.values()) if isinstance(stored, Mapping) else list(stored)
    for part in parts:
        if isinstance(part, Mapping):
            refuse_quantized(path, part)
    found = [part for part in parts if isinstance(part, Mapping) and _is_state_dict(part)]
    if len(found) == 1:
        return dict(found[0])
    held = listed(
        [str(key) for key in stored] if isinstance(stored, Mapping) else [type(part).__name__ for part in parts]
    )
    which = "no state dict in it" if not found else f"{len(found)} state dicts in it and none under a usual key"
    raise CheckpointError(
        f"{path}: {which} (it holds {held or 'nothing'}); save model.state_dict() itself, or under state_dict"
    )


def _is_state_dict(stored: Mapping[object, object]) -> bool:
    return bool(stored) and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in stored.items())
