"""ONNX Runtime without messages of its own: every failure is an exception."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from onnxruntime.capi import onnxruntime_pybind11_state as _native

from bnnaudit.onnx_import.passes.sharing import unshare

PROVIDER = "CPUExecutionProvider"
RUNTIME = f"onnxruntime {onnxruntime.__version__} ({PROVIDER})"

REFERENCE = f"onnx.reference {onnx.__version__}"

_SILENT = 4
"""Log level: fatal errors only."""

_SETTINGS = {"session.intra_op.allow_spinning": "0", "session.inter_op.allow_spinning": "0"}
"""Waiting threads that spin take the cores from the attack, which runs between two replays."""
_EXACT_SUMS = {"session.x64quantprecision": "1"}

_EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"
"""Where a model given as bytes has its external data."""

_INTEGER_KERNELS = "QDQSelectorActionTransformer"
"""Replaces an operator between (de)quantizers by a kernel on integers."""

RUNTIME_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    ValueError,
    *(kind for kind in vars(_native).values() if isinstance(kind, type) and issubclass(kind, Exception)),
)
"""ONNX Runtime's exceptions have no base of their own."""


@dataclass(frozen=True, slots=True)
class SessionKind:
    """How a session was opened: with exact 8-bit sums, without kernels on integers in the place of (de)quantizers, and on
    the model with a copy of shared int8 constants for each use (see `passes.sharing`)."""

    exact_sums: bool = True
    unfused: bool = True
    unshared: bool = False


EXACT = SessionKind()
PLAIN = SessionKind(exact_sums=False, unfused=False)
SESSION_KINDS = (EXACT, SessionKind(unshared=True), SessionKind(exact_sums=False), PLAIN)
"""The exact one first, then ever less exact ones: our options never keep a file from being loaded."""


def open_session(model: bytes | str) -> Any:
    """A session on a serialized model, or on a file by its path (which external data needs), that computes what it says.

    A default session does so but nearly, and differently from one processor to another:

    - For an operator between (de)quantizers it takes a kernel on integers, of which some (that of Softmax) round
      otherwise. Here it does not.
    - Its kernels for uint8 times int8 clip every sum of two products to 16 bits on an x86 processor without VNNI. Here
      weights are taken as uint8 with another zero point: the same numbers, in a kernel that does not clip. ONNX Runtime
      then has no convolution of int8 by int8, which needs no such care, and fails where weights share a zero point.

    What ONNX Runtime does not load this way is opened by the next of `SESSION_KINDS`; `open_by_kind` returns which.
    """
    return open_by_kind(model)[0]


def open_by_kind(model: bytes | str) -> tuple[Any, SessionKind]:
    """`open_session`, and how it was opened; the error is that of a session without options."""
    onnxruntime.set_default_logger_severity(_SILENT)
    for kind in SESSION_KINDS[:-1]:
        with suppress(*RUNTIME_ERRORS, _NothingSharedError):
            return _opened_by(kind, model), kind
    return _opened_by(PLAIN, model), PLAIN


class _NothingSharedError(Exception):
    """A model without shared constants is not opened a second time."""


def _opened_by(kind: SessionKind, model: bytes | str) -> Any:
    settings = {**_SETTINGS, **(_EXACT_SUMS if kind.exact_sums else {})}
    if kind.unshared:
        model, folder = _unshared(model)
        settings |= {_EXTERNAL_FOLDER: folder} if folder else {}
    return _session(model, settings, (_INTEGER_KERNELS,) if kind.unfused else ())


def _unshared(model: bytes | str) -> tuple[bytes, str]:
    """The model with every shared int8 constant copied, and the folder that its external data lie in."""
    proto = (
        onnx.load_model_from_string(model) if isinstance(model, bytes) else onnx.load(model, load_external_data=False)
    )
    if not unshare(proto):
        raise _NothingSharedError
    return proto.SerializeToString(), "" if isinstance(model, bytes) else str(Path(model).resolve().parent)


def open_default_session(model: bytes | str) -> tuple[Any, SessionKind]:
    """A session as anybody opens it: `open_session` says in what its answers may differ."""
    onnxruntime.set_default_logger_severity(_SILENT)
    return _opened_by(PLAIN, model), PLAIN


def opens(model: bytes | str) -> bool:
    """Whether ONNX Runtime loads a serialized model, or a file by its path."""
    try:
        open_default_session(model)
    except RUNTIME_ERRORS:
        return False
    return True


def _session(model: bytes | str, settings: dict[str, str], disabled: tuple[str, ...]) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    # As many as PyTorch has, whose number follows the cores that may be used; ONNX Runtime counts the machine's.
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    for key, value in settings.items():
        options.add_session_config_entry(key, value)
    return onnxruntime.InferenceSession(
        model, sess_options=options, providers=[PROVIDER], disabled_optimizers=list(disabled)
    )


REFERENCE_ERRORS = (Exception,)
"""The reference evaluator is Python: its operators raise what NumPy raises."""


TELLS_TRAINING = 14
"""The first operator set whose BatchNormalization says itself whether it trains."""


def open_reference(model: onnx.ModelProto) -> Any:
    """ONNX's reference evaluator on a model: slow, but it knows every standard operator.

    Before operator set 14 its BatchNormalization takes the statistics of the batch, as in training, for the momentum has a
    default; there ours takes its place, which is that of inference.
    """
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun

    class BatchNormalization(OpRun):  # type: ignore[misc]
        """scale (x - mean) / sqrt(var + epsilon) + bias; x (N, C, ...), all others (C,)."""

        op_domain = ""

        def _run(self, x: Any, scale: Any, bias: Any, mean: Any, var: Any, epsilon: float = 1e-5, **_: Any) -> Any:
            scale, bias, mean, var = (values.reshape(-1, *[1] * (x.ndim - 2)) for values in (scale, bias, mean, var))
            return ((scale * (x - mean) / (var + epsilon) ** 0.5 + bias).astype(x.dtype),)

    opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)
    return ReferenceEvaluator(model, new_ops=[BatchNormalization] if opset < TELLS_TRAINING else None)
