"""The differentiable copy: a torch module out of a lowered graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from bnnaudit.core.errors import AuditError, ModelError, one_line
from bnnaudit.core.stages import doing
from bnnaudit.models.first_try import under_limits
from bnnaudit.models.onnx.batch import TRIAL
from bnnaudit.models.onnx.reading import Reading
from bnnaudit.models.onnx.replayable import depends_on_batch
from bnnaudit.models.score_tensor.network import Scores
from bnnaudit.models.score_tensor.tensor_notes import notes_of
from bnnaudit.onnx_import.graph.size_limits import SizeGuard
from bnnaudit.onnx_import.importer import convert, quiet
from bnnaudit.quantization.integer_input import IntegerInput


class FixedBatch(nn.Module):
    """A network that takes `batch` images and no other number, run as often as needed; slower, but right."""

    def __init__(self, network: nn.Module, batch: int) -> None:
        super().__init__()
        self.network = network
        self.batch = batch

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, d); the last part is filled up with zeros, whose scores are dropped."""
        missing = -len(values) % self.batch
        if missing:
            values = torch.cat([values, values.new_zeros(missing, *values.shape[1:])])
        scores = torch.cat([self.network(part) for part in values.split(self.batch)])  # type: ignore[no-untyped-call]
        return scores[: len(scores) - missing] if missing else scores


@np.errstate(all="ignore")
def build_network(reading: Reading) -> nn.Module:
    """The network in eval mode on the CPU, weights frozen; raises ModelError, naming all unsupported operators at once."""
    with quiet():
        network = _convert(reading)
    network.eval().requires_grad_(False)
    doing("running its differentiable copy on a few images")
    with quiet(), _named(reading):
        # Drawn outside of the guard, to learn whose size PyTorch would load its compiler, a second of processor time.
        drawn = trial_inputs(reading, TRIAL + 1)
        # Where the operating system limits the memory it is not needed, and not worth the second that PyTorch needs for it.
        with nullcontext() if under_limits() else SizeGuard():  # type: ignore[no-untyped-call]
            network = _for_any_batch(reading, network, drawn)
        _check_path(reading, network)
        return network


def _convert(reading: Reading) -> nn.Module:
    parts: list[nn.Module] = [IntegerInput(*reading.given.limits)] if reading.given.whole else []
    try:
        notes = notes_of(reading.graph, reading.units)
        parts.append(Scores(convert(reading.graph), reading.output.form, notes))
    except ModelError as error:
        raise type(error)(f"{reading.source.path}: {error}") from error
    return nn.Sequential(*parts)


def _for_any_batch(reading: Reading, network: nn.Module, drawn: Tensor) -> nn.Module:
    """The network if a trial shows that it takes any number of images; else in a loop over its fixed batch.

    drawn: inputs (TRIAL + 1, *input_shape) for the trial.
    """
    batch = reading.given.fixed_batch or (1 if depends_on_batch(reading.source.proto) else None)
    count = TRIAL if batch != TRIAL else TRIAL + 1
    values = drawn[:count]
    with torch.no_grad():
        together = _scores_together(network, values)
        if batch is None and together is not None and together.shape[:1] == (count,):
            _check_scores(reading, together, count)
            return network
        looped = FixedBatch(network, batch or 1)
        expected = looped(values)
        _check_scores(reading, expected, count)
        return network if together is not None and _agrees(together, expected) else looped


def _scores_together(network: nn.Module, values: Tensor) -> Tensor | None:
    """What a network gives several images at once; None where it cannot be run on them."""
    try:
        scores: Tensor = network(values)
    except Exception:  # a shape that holds the batch fails in as many ways as there are operators
        return None
    return scores


def trial_inputs(reading: Reading, count: int) -> Tensor:
    """Seeded random inputs (count, *input_shape) from the box of the model's images."""
    box = reading.facts.box
    generator = torch.Generator().manual_seed(0)
    return box.low + box.width * torch.rand(count, *reading.given.shape, generator=generator)


def _check_path(reading: Reading, network: nn.Module) -> None:
    """Refuse a network through which no gradient can come back to the image; that it is zero is for the audit to find."""
    images = torch.full((1, *reading.given.shape), float(reading.facts.box.low), requires_grad=True)
    scores = network(images)
    if not scores.requires_grad or torch.autograd.grad(scores.sum(), images, allow_unused=True)[0] is None:
        raise ModelError(
            f"{reading.source.path}: the scores do not depend on the image, or only through operators without a gradient"
        )


def _check_scores(reading: Reading, scores: Tensor, count: int) -> None:
    wanted = (count, reading.facts.num_classes)
    if tuple(scores.shape) != wanted:
        found = " x ".join(map(str, scores.shape))
        raise ModelError(
            f"{reading.source.path}: the converted network returns {found} scores, not {wanted[0]} x {wanted[1]}"
        )


def _agrees(scores: Tensor, expected: Tensor) -> bool:
    """Whether the scores of all images at once are those of one fixed batch at a time."""
    tolerance = 1e-3 * float(expected.nan_to_num(0, 0, 0).abs().max())
    alike = scores.shape == expected.shape
    return alike and torch.allclose(scores, expected, rtol=1e-3, atol=tolerance, equal_nan=True)


@contextmanager
def _named(reading: Reading) -> Iterator[None]:
    """Whatever a first run raises becomes a ModelError that names the file."""
    try:
        yield
    except ModelError as error:
        text = str(error)
        raise type(error)(
            text if text.startswith(f"{reading.source.path}:") else f"{reading.source.path}: {text}"
        ) from error
    except AuditError:
        raise
    except Exception as error:  # torch raises RuntimeError, IndexError, TypeError, ...
        raise ModelError(f"{reading.source.path}: the converted network does not run: {one_line(error)}") from error
