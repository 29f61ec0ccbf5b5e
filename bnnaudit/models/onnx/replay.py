"""The model as served: ONNX Runtime on the original file, or the nearest equivalent that is available."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto
from torch import Tensor, nn

from bnnaudit.core.errors import ModelError, is_out_of_memory, one_line
from bnnaudit.core.replay import ReplayFacts
from bnnaudit.core.stages import doing
from bnnaudit.core.target import Preparation
from bnnaudit.models.first_try import under_limits
from bnnaudit.models.score_tensor.form import EVERY_CLASS, ScoreForm
from bnnaudit.onnx_import.runtime import (
    REFERENCE,
    REFERENCE_ERRORS,
    RUNTIME,
    RUNTIME_ERRORS,
    SessionKind,
    open_by_kind,
    open_reference,
)

CHUNK = 32
"""Images at a time where the file leaves the batch open: enough to fill the processor, little memory; not tuned."""

WHOLE = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
_TYPES: dict[str, type[np.floating[Any] | np.integer[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    **{f"tensor({name})": np.dtype(name).type for name in WHOLE},
}


class ReplayedModel:
    """A model that is run by chunks of images on an `evaluator`; `runtime` says by what. Built once, then never changed.

    one_by_one: the batch holds one image at a time (copies of it, where the file fixes the batch), as a model must be run
    whose quantizers take their range from the whole batch. An integer input takes the nearest whole number. chunk: the images
    at a time where the file leaves the batch open.
    """

    evaluator: Any
    given: str
    output: str
    name = ""
    errors: tuple[type[Exception], ...] = ()

    def __init__(
        self,
        runtime: str,
        prepare: Preparation,
        element_type: str,
        fixed_batch: int | None,
        one_by_one: bool,
        form: ScoreForm = EVERY_CLASS,
        chunk: int = CHUNK,
    ) -> None:
        self.runtime = runtime
        self.prepare = prepare
        self.form = form
        self.fixed_batch = fixed_batch
        if element_type not in _TYPES:
            raise ModelError(f"the model takes {element_type}; one numeric input is needed")
        self._type = _TYPES[element_type]
        self._chunk = 1 if one_by_one else fixed_batch or chunk

    @np.errstate(all="ignore")
    def __call__(self, images: Tensor) -> Tensor:
        """Scores (N, d) float32 on the CPU for images (N, C, H, W) or (N, features) in the network's range."""
        values = self._network_input(images)
        # An empty batch still runs once, so that the scores have their width.
        starts = range(0, max(len(values), 1), self._chunk)
        parts = [self._run(values[start : start + self._chunk]) for start in starts]
        return torch.cat(parts)

    @property
    def replay_facts(self) -> ReplayFacts:
        """How the model is run."""
        return ReplayFacts(
            dtype=np.dtype(self._type).name,
            batch=self.fixed_batch,
            chunk=self._chunk,
            output=self.output,
            single="" if self.form.single is None else str(self.form.single),
            scale=self.form.scale,
            zero_point=self.form.zero_point,
        )

    def takes(self, count: int) -> bool:
        """Whether the model runs on `count` images at once, and has scores for as many.

        Under limits that it exceeds it raises ModelError: without them it may well run, and take what it was not to have.
        """
        values = np.zeros((count, *self.prepare.input_shape), self._type)
        try:
            return len(self._scores(values)) == count
        except TypeError:  # a single number has no length
            return False
        except ModelError as error:
            if under_limits() and error.__cause__ is not None and is_out_of_memory(error.__cause__):
                raise
            return False

    @np.errstate(all="ignore")
    def try_on(self, inputs: Tensor) -> None:
        """Runs the model on inputs (N, *input_shape) of its own, one after the other; raises ModelError where it fails."""
        values = self._of_type(inputs.numpy())
        for start in range(len(values)):
            self._run(values[start : start + 1])

    def _network_input(self, images: Tensor) -> NDArray[np.generic]:
        return self._of_type(self.prepare(images.detach().float()).cpu().numpy())

    def _of_type(self, values: NDArray[Any]) -> NDArray[np.generic]:
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
        scores = self._scores(values)
        if wanted > 1 and scores.shape[:1] != (wanted,):
            raise ModelError(f"the model returns {len(scores)} rows of scores for {wanted} images")
        flat = np.asarray(scores, dtype=np.float32).reshape(wanted, -1)
        return self.form.rows(torch.from_numpy(flat[:count].copy()), count)

    def _scores(self, values: NDArray[np.generic]) -> NDArray[Any]:
        """The output for one full batch."""
        doing(f"running it on {'an image' if len(values) == 1 else f'{len(values)} images'}")
        try:
            (scores,) = self.evaluator.run([self.output], {self.given: values})
        except self.errors as error:
            raise ModelError(f"{self.name} cannot run the model: {one_line(error)}") from error
        return np.asarray(scores)


class OnnxRuntimeModel(ReplayedModel):
    """Scores by ONNX Runtime on the CPU.

    model: the file's bytes, or its path where weights lie in files beside it. output: the output to return, the first one
    by default. notes: how a session that was opened in some way differs from a default one on the file, in words. opened:
    how a session is. batch: the number of images that the model works for, where the file leaves it open. form: what the
    output's numbers are. Raises ModelError.
    """

    name = "ONNX Runtime"
    errors = RUNTIME_ERRORS

    def __init__(
        self,
        model: bytes | Path,
        prepare: Preparation,
        output: str | None = None,
        one_by_one: bool = False,
        notes: Callable[[SessionKind], tuple[str, ...]] = lambda _: (),
        opened: Callable[[bytes | str], tuple[Any, SessionKind]] = open_by_kind,
        batch: int | None = None,
        form: ScoreForm = EVERY_CLASS,
        chunk: int = CHUNK,
    ) -> None:
        doing("opening it in ONNX Runtime")
        try:
            self.evaluator, self.way = opened(model if isinstance(model, bytes) else str(model))
        except self.errors as error:
            raise ModelError(f"{self.name} cannot load the model: {one_line(error)}") from error
        inputs = self.evaluator.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in _TYPES:
            names = ", ".join(f"{value.name} {value.type}" for value in inputs)
            raise ModelError(f"the model takes {names or 'nothing'}; one numeric input is needed")
        self.given = inputs[0].name
        self.output = output or self.evaluator.get_outputs()[0].name
        stated = inputs[0].shape[0] if inputs[0].shape else None
        fixed = stated if isinstance(stated, int) else batch
        super().__init__(
            ", ".join((RUNTIME, *notes(self.way))), prepare, inputs[0].type, fixed, one_by_one, form, chunk
        )

    @property
    def replay_facts(self) -> ReplayFacts:
        """How the model is run, and how its session was opened."""
        threads = max(1, int(self.evaluator.get_session_options().intra_op_num_threads))
        sums, unfused = self.way.exact_sums, self.way.unfused
        return replace(super().replay_facts, exact_sums=sums, unfused=unfused, threads=threads)


class ReferenceModel(ReplayedModel):
    """Scores by ONNX's reference evaluator, for models that ONNX Runtime does not take; slow. Raises ModelError."""

    name = "onnx.reference"
    errors = REFERENCE_ERRORS

    def __init__(
        self,
        model: ModelProto,
        prepare: Preparation,
        output: str,
        one_by_one: bool = False,
        batch: int | None = None,
        form: ScoreForm = EVERY_CLASS,
        chunk: int = CHUNK,
    ) -> None:
        try:
            self.evaluator = open_reference(model)
        except self.errors as error:
            raise ModelError(f"{self.name} cannot load the model: {one_line(error)}") from error
        stored = {tensor.name for tensor in model.graph.initializer}
        (given,) = (info for info in model.graph.input if info.name not in stored)
        kind = f"tensor({TensorProto.DataType.Name(given.type.tensor_type.elem_type).lower()})"
        dims = given.type.tensor_type.shape.dim
        stated = dims[0].dim_value if dims and dims[0].HasField("dim_value") else None
        self.given = given.name
        self.output = output
        super().__init__(REFERENCE, prepare, kind, stated or batch, one_by_one, form, chunk)


class UnverifiedModel:
    """The differentiable copy in place of a deployed model that no installed runtime can run; `runtime` says so."""

    def __init__(self, network: nn.Module, prepare: Preparation, why: str) -> None:
        self.runtime = f"nothing: findings are unverified on the deployed model ({why})"
        self.network = network
        self.prepare = prepare

    def __call__(self, images: Tensor) -> Tensor:
        """Logits (N, d) float32 on the CPU."""
        with torch.no_grad():
            parts = [self.network(self.prepare(part)) for part in torch.split(images.detach().cpu().float(), CHUNK)]
        return torch.cat(parts).float()
