"""Reads the weights of a checkpoint without running any code that the file may hold."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from bnnaudit.core.archive import ArchiveError, is_zip, open_zip
from bnnaudit.core.errors import CheckpointError, listed, one_line
from bnnaudit.core.facts import ModelFormat
from bnnaudit.core.file_limits import CHECKPOINT_BYTES, REPEATED_BYTES
from bnnaudit.models.checkpoint.packed_weights import unpacked
from bnnaudit.models.checkpoint.pickle_plan import (
    BrokenPickleError,
    ForeignNameError,
    QuantizedPickleError,
    RefusedPickleError,
)
from bnnaudit.models.checkpoint.plain_weights import require_plain_weights
from bnnaudit.models.checkpoint.torch_quantized import advice_for_modules, refusal_of_quantized, refuse_quantized

PICKLED = (".pt", ".pth", ".bin", ".ckpt")
SUFFIXES = (".safetensors", *PICKLED)
WRAPPERS = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "ema", "model_ema"),
    "weights",
)
"""Keys under which a checkpoint holds its state dict, in the order in which they are tried."""
NEST = 3
"""Depth to which such keys are followed. Not tuned."""

ADVICE = "save model.state_dict() alone, best with safetensors.torch.save_file"


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
    if CHECKPOINT_BYTES.exceeded_by(size):
        raise CheckpointError(f"{path}: {CHECKPOINT_BYTES.refusal(size)}")
    if path.suffix.lower() == ".safetensors":
        return ModelFormat.SAFETENSORS, _read_safetensors(path)
    if path.suffix.lower() in PICKLED:
        return ModelFormat.PYTORCH, _state_dict_in(path, _unpickled(path))
    raise CheckpointError(f"{path}: not a supported kind of checkpoint; give one of {', '.join(SUFFIXES)}")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path, device="cpu")
        with safe_open(path, framework="pt") as opened:
            metadata = opened.metadata()
    except MemoryError:
        raise
    except Exception as error:  # a damaged header makes the library raise anything
        raise CheckpointError(
            f"{path}: not a readable safetensors file ({one_line(error, 160)}); save it again"
        ) from error
    if not tensors:
        raise CheckpointError(f"{path}: holds no tensors; save model.state_dict() with safetensors.torch.save_file")
    return unpacked(tensors, metadata, str(path))


def _unpickled(path: Path) -> object:
    """What torch.save wrote, as far as it is tensors and plain values."""
    refuse_programs(path)
    try:
        zipped = require_plain_weights(path)
        with warnings.catch_warnings():
            # What torch deprecates about a file's contents is not for the one who reads it.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except ForeignNameError as error:
        raise CheckpointError(_refusal(path, error)) from error
    except QuantizedPickleError as error:
        raise CheckpointError(refusal_of_quantized(path, "it holds tensors of")) from error
    except (ArchiveError, BrokenPickleError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{path}: not a PyTorch checkpoint, or a damaged one ({one_line(error, 160)}); {ADVICE}"
        ) from error
    except RefusedPickleError as error:
        raise CheckpointError(f"{path}: refused: {error}; {ADVICE}") from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged file makes torch's reader raise anything
        raise CheckpointError(
            f"{path}: not a readable PyTorch checkpoint, or a truncated one ({one_line(error, 160)}); "
            "save model.state_dict() again"
        ) from error


def refuse_programs(path: Path) -> None:
    """Raises CheckpointError for zips, of any name, that hold programs, or that unpack to more than memory should hold."""
    if not is_zip(path):
        return
    try:
        with open_zip(path) as archive:
            entries = archive.infolist()
    except ArchiveError as error:
        raise CheckpointError(f"{path}: a damaged archive ({error}); save the checkpoint again") from error
    if CHECKPOINT_BYTES.exceeded_by(unpacked := sum(entry.file_size for entry in entries)):
        raise CheckpointError(f"{path}: unpacks to {CHECKPOINT_BYTES.refusal(unpacked)}")
    members = {entry.filename.partition("/")[2] or entry.filename for entry in entries}
    advice = "save model.state_dict() as safetensors and name its architecture, or export the model to ONNX"
    if "constants.pkl" in members:
        raise CheckpointError(f"{path}: a TorchScript program, not weights; {advice}")
    if members & {"archive_format", "serialized_exported_program.json", "models/model.json"}:
        raise CheckpointError(
            f"{path}: a torch.export program, whose loader unpickles what the file holds; export it to ONNX: "
            "torch.onnx.export(torch.export.load(PATH), dynamo=True).save('model.onnx')"
        )


def _refusal(path: Path, error: ForeignNameError) -> str:
    """Why a pickle is not read: what it would run, as far as that shows without running it."""
    blocked = _blocked_names(path) or [error.name]
    names = listed([name[:80] for name in blocked], most=4)
    if own_advice := advice_for_modules(blocked):
        return f"{path}: {own_advice}"
    if any(name.startswith("torch.nn.modules.") for name in blocked):
        return f"{path}: holds a whole pickled module ({names}), which only its own code could read; {ADVICE}"
    return f"{path}: refused: loading this pickle would run code ({names}) that could do anything; if it is yours, {ADVICE}"


def _blocked_names(path: Path) -> list[str]:
    """The functions and classes in the pickle that are not plain weights; empty where torch cannot list them."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except Exception:  # a pickle may be broken in any way
        return []


def _state_dict_in(path: Path, stored: object, depth: int = 0) -> dict[str, Tensor]:
    """The state dict that a checkpoint is, or holds under a usual key, or as the only one among other things."""
    stored = _plain(stored)
    if isinstance(stored, dict):
        refuse_quantized(path, stored)
        if _is_state_dict(stored):
            return _dense(path, stored)
        for key in WRAPPERS if depth < NEST else ():
            if isinstance(stored.get(key), Mapping):
                return _state_dict_in(path, stored[key], depth + 1)
    elif not isinstance(stored, list | tuple):
        raise CheckpointError(f"{path}: holds a {type(stored).__name__}, not a state dict; save model.state_dict()")
    parts = [_plain(part) for part in (stored.values() if isinstance(stored, dict) else stored)]
    for part in parts:
        if isinstance(part, dict):
            refuse_quantized(path, part)
    found = [part for part in parts if isinstance(part, dict) and _is_state_dict(part)]
    if len(found) == 1:
        return _dense(path, found[0])
    held = listed(
        [_word(key) for key in stored] if isinstance(stored, dict) else [type(part).__name__ for part in parts]
    )
    which = "no state dict in it" if not found else f"{len(found)} state dicts in it and none under a usual key"
    raise CheckpointError(
        f"{path}: {which} (it holds {held or 'nothing'}); save model.state_dict() itself, or under state_dict"
    )


def _plain(stored: object) -> object:
    """A mapping as a plain dictionary: a pickle may have put other things in place of the methods of an ordered one."""
    return dict(dict.items(stored)) if isinstance(stored, dict) else stored


def _word(key: object) -> str:
    """A key in words; whole numbers of thousands of digits have none in Python."""
    return key[:80] if isinstance(key, str) else type(key).__name__


def _is_state_dict(stored: Mapping[object, object]) -> bool:
    return bool(stored) and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in stored.items())


def _dense(path: Path, stored: Mapping[Any, Tensor]) -> dict[str, Tensor]:
    """The tensors without what a pickle may have attached to them.

    Raises CheckpointError for what is not dense numbers in memory, or repeats a few numbers to a size that no file has.
    """
    tensors = {str(name): torch.Tensor.detach(tensor) for name, tensor in stored.items()}
    for name, tensor in tensors.items():
        if tensor.layout is not torch.strided or tensor.is_nested or tensor.is_meta:
            kind = (
                "sparse" if tensor.layout is not torch.strided else "nested" if tensor.is_nested else "without values"
            )
            raise CheckpointError(f"{path}: {name[:80]} is a tensor that is {kind}; save dense ones")
        held, size = tensor.untyped_storage().nbytes(), tensor.numel() * tensor.element_size()
        if size > held and REPEATED_BYTES.exceeded_by(size):
            repeated = REPEATED_BYTES.refusal(size)
            raise CheckpointError(
                f"{path}: {name[:80]} repeats {held:,} bytes to {repeated}; save tensor.contiguous() if it is meant to be so "
                "large"
            )
    return tensors
