"""The model as it is served: ONNX Runtime on the original file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnnaudit.core.errors import ModelError, one_line
from bnnaudit.core.target import Preparation
from bnnaudit.operators.runtime import RUNTIME, RUNTIME_ERRORS, open_session

# Images at a time where the file leaves the batch open: enough to fill the processor, little memory.
CHUNK = 256

_TYPES: dict[str, type[np.floating[Any] | np.integer[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}


class OnnxRuntimeModel:
    """Scores by ONNX Runtime on the CPU; `runtime` says which. Built once, then never changed.

    model: the original file's bytes, or its path where weights lie in files beside it. output: the output to return, the
    first one by default. An integer input takes the nearest whole number. Raises ModelError.
    """

    def __init__(self, model: bytes | Path, prepare: Preparation, output: str | None = None) -> None:
        self.runtime = RUNTIME
        self.prepare = prepare
        try:
            self._session = open_session(model if isinstance(model, bytes) else str(model))
        except RUNTIME_ERRORS as error:
            raise ModelError(f"ONNX Runtime cannot load the model: {one_line(error)}") from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in _TYPES:
            names = ", ".join(f"{value.name} {value.type}" for value in inputs)
            raise ModelError(f"the model takes {names or 'nothing'}; one input of numbers is needed")
        self._input = inputs[0].name
        self._type = _TYPES[inputs[0].type]
        self._output = output or self._session.get_outputs()[0].name
        batch = inputs[0].shape[0] if inputs[0].shape else None
        self.fixed_batch: int | None = batch if isinstance(batch, int) else None

    def __call__(self, images: Tensor) -> Tensor:
        """Scores (N, d) float32 on the CPU for images (N, C, H, W) or (N, features) in the network's range."""
        values = self._network_input(images)
        size = self.fixed_batch or CHUNK
        # An empty batch still runs once, so that the scores have their width.
        starts = range(0, max(len(values), 1), size)
        parts = [self._run(values[start : start + size]) for start in starts]
        return torch.cat(parts)

    def _network_input(self, images: Tensor) -> NDArray[np.generic]:
        values = self.prepare(images.detach().float()).cpu().numpy()
        if issubclass(self._type, np.integer):
            limits = np.iinfo(self._type)
            values = np.clip(np.rint(values), limits.min, limits.max)
        return np.ascontiguousarray(values, dtype=self._type)

    def _run(self, values: NDArray[np.generic]) -> Tensor:
        """Scores of one chunk; one that is smaller than the file's fixed batch is filled up, and the rest cut off."""
        count = len(values)
        wanted = self.fixed_batch or max(count, 1)
        if count < wanted:
            fill = values[-1:] if count else np.zeros((1, *values.shape[1:]), values.dtype)
            values = np.concatenate([values, np.repeat(fill, wanted - count, axis=0)])
        try:
            (scores,) = self._session.run([self._output], {self._input: values})
        except RUNTIME_ERRORS as error:
            raise ModelError(f"ONNX Runtime cannot run the model: {one_line(error)}") from error
        if len(scores) != wanted:
            raise ModelError(f"the model returns {len(scores)} rows of scores for {wanted} images")
        flat = np.asarray(scores, dtype=np.float32).reshape(wanted, -1)
        return torch.from_numpy(flat[:count].copy())
