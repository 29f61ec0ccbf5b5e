"""The deployed model in ONNX Runtime alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnnaudit.evidence.bounded import allow_for, says_out_of_memory, under_limits
from bnnaudit.evidence.errors import CannotRunError, shown
from bnnaudit.evidence.manifest import Input, Manifest, Session
from bnnaudit.evidence.threat import Images

EXACT_SUMS = {"session.x64quantprecision": "1"}
NOWHERE = {"session.model_external_initializers_file_folder_path": os.devnull}
"""Option under which a model without weights beside it, as the manifest says, gets none from the folder that one is in."""
UNFUSED = ("QDQSelectorActionTransformer",)
"""Options of ONNX Runtime under which a quantized file is computed as it is written."""

Classify = Callable[[Images], NDArray[np.int64]]
"""From images (n, ...) in the network's range to the classes (n,) that a session of the deployed model gives."""


def open_sessions(model: bytes | str, manifest: Manifest) -> list[Classify]:
    """The stated sessions on a model, by its bytes, or by its path where weights lie beside it. Raises CannotRunError."""
    if not manifest.plain:
        raise CannotRunError(
            f"by the evidence, ONNX Runtime alone cannot run this model as the audit did: {shown(manifest.why, 400)}"
        )
    try:
        import onnxruntime
    except ImportError as error:
        raise CannotRunError("onnxruntime is not installed") from error
    onnxruntime.set_default_logger_severity(4)
    return [_classifier(onnxruntime, model, manifest, session) for session in manifest.sessions]


def _classifier(onnxruntime: Any, model: bytes | str, manifest: Manifest, session: Session) -> Classify:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = min(manifest.threads, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    for key, value in {**(EXACT_SUMS if session.exact_sums else {}), **({} if manifest.external else NOWHERE)}.items():
        options.add_session_config_entry(key, value)
    disabled = list(UNFUSED) if session.unfused else []
    try:
        runner = onnxruntime.InferenceSession(
            model, sess_options=options, providers=["CPUExecutionProvider"], disabled_optimizers=disabled
        )
        (given,) = (entry.name for entry in runner.get_inputs())
    except Exception as error:  # its exceptions have no base of their own
        if under_limits() and says_out_of_memory(error):
            raise
        raise CannotRunError(f"ONNX Runtime cannot load the model: {shown(error, 400)}") from error

    def classify(images: Images) -> NDArray[np.int64]:
        values = network_input(images, manifest.input)
        chunk = manifest.input.chunk
        parts = [run(values[start : start + chunk]) for start in range(0, len(values), chunk)]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def run(values: NDArray[Any]) -> NDArray[np.int64]:
        count, wanted = len(values), manifest.input.batch or len(values)
        allow_for(count)
        if count < wanted:
            values = np.concatenate([values, np.repeat(values[-1:], wanted - count, axis=0)])
        try:
            (scores,) = runner.run([manifest.input.output], {given: values})
            if wanted > 1 and np.shape(scores)[:1] != (wanted,):
                raise ValueError(f"it returns other than {wanted} rows of scores for {wanted} images")
            return classes_of(np.asarray(scores, np.float32).reshape(wanted, -1)[:count], manifest)
        except Exception as error:
            if under_limits() and says_out_of_memory(error):
                raise
            raise CannotRunError(f"ONNX Runtime cannot run the model: {shown(error, 400)}") from error

    return classify


@np.errstate(all="ignore")
def network_input(images: Images, given: Input) -> NDArray[Any]:
    """Images (n, ...) as the network takes them, in single precision like the audit."""
    values = images[:, ::-1] if given.channels == "bgr" else images
    along = (1, -1, *(1,) * (values.ndim - 2))
    if given.mean or given.std:
        mean, std = (np.array(entry, np.float32).reshape(along) for entry in (given.mean or (0,), given.std or (1,)))
        values = (values - mean) / std
    if given.layout == "nhwc" and values.ndim == 4:
        values = values.transpose(0, 2, 3, 1)
    values = values.reshape(len(values), *given.network_shape)
    dtype = np.dtype(given.dtype)
    if dtype.kind in "iu":
        values = np.rint(values).clip(np.iinfo(dtype).min, np.iinfo(dtype).max)
    return np.ascontiguousarray(values, dtype)


def classes_of(scores: NDArray[np.float32], manifest: Manifest) -> NDArray[np.int64]:
    """The class of the largest score in each row; of one score the second class where it is more than even."""
    given = manifest.input
    if given.single:
        scores = (scores - np.float32(given.zero_point)) * np.float32(given.scale)
        other = 1 - scores if given.single == "probability" else np.zeros_like(scores)
        scores = np.concatenate([other, scores], axis=1)
    if scores.shape[1] != manifest.classes:
        raise ValueError(f"it returns {scores.shape[1]} scores for {manifest.classes} classes")
    classes: NDArray[np.int64] = scores.argmax(axis=1).astype(np.int64)
    return classes
