"""An ONNX file as a `Target`."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import gc
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import torch
from torch import nn

from bnnaudit.core.errors import UnsupportedOperatorsError, one_line
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.first_try import tried_first
from bnnaudit.models.onnx.batch import body_batch
from bnnaudit.models.onnx.file import OnnxFile, read_onnx
from bnnaudit.models.onnx.network import build_network, trial_inputs
from bnnaudit.models.onnx.reading import Reading, default_replay, read_graph, replay_of
from bnnaudit.models.onnx.replay import OnnxRuntimeModel, ReplayedModel, UnverifiedModel
from bnnaudit.models.onnx.replayable import differs_by_default, notes_on_replay
from bnnaudit.models.speed import TRIED, speed_up
from bnnaudit.onnx_import.onnx2torch_loading import load_onnx2torch
from bnnaudit.onnx_import.runtime import PLAIN
from bnnaudit.quantization.quantizers import named_quantizers


def inspect_onnx(path: Path, preprocessing: Preprocessing) -> ModelFacts:
    """What the file holds, without a network: unsupported operators do no harm. Raises ModelError."""
    work = partial(_inspected, path, preprocessing)
    return tried_first(path, work) or work()


def _inspected(path: Path, preprocessing: Preprocessing) -> ModelFacts:
    source = read_onnx(path)
    facts = read_graph(source, preprocessing).facts
    return replace(facts, runtime=", ".join((facts.runtime, *notes_on_replay(source.proto))))


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file with its network on the CPU and its deployed model, or why there is none. batch: as for `read_graph`."""

    source: OnnxFile
    reading: Reading
    network: nn.Module
    replayed: ReplayedModel | str
    batch: int | None


def load_onnx(path: Path, preprocessing: Preprocessing, surrogate: Surrogate, device: torch.device) -> Target:
    """The model in both forms: a differentiable copy on `device`, and ONNX Runtime on the file itself.

    Raises UnsupportedOperatorsError, or ModelError for anything else that is wrong with the file.
    """
    # Here, or a process that tries the file first would load it once more.
    load_onnx2torch(())
    tried_first(path, partial(_try, path, preprocessing))
    opened = _open(path, preprocessing)
    reading, replayed = opened.reading, opened.replayed
    inputs = trial_inputs(reading, TRIED)
    network = speed_up(opened.network, inputs, bool(reading.facts.quantizers), device)
    for _, quantizer in named_quantizers(network):
        quantizer.surrogate = surrogate
    deployed = (
        UnverifiedModel(copy.deepcopy(network), reading.prepare, replayed) if isinstance(replayed, str) else replayed
    )
    facts = replace(reading.facts, runtime=deployed.runtime)
    target = Target(network.to(device), reading.prepare, deployed, facts, device)
    if (
        not isinstance(replayed, OnnxRuntimeModel)
        or replayed.way == PLAIN
        or not differs_by_default(opened.source.proto)
    ):
        return target
    by_default = partial(default_replay, opened.source, reading.prepare, reading.output, opened.batch, reading.chunk)
    return replace(target, default_session=cache(by_default))


def _open(path: Path, preprocessing: Preprocessing) -> _Opened:
    source = read_onnx(path)
    reading = read_graph(source, preprocessing)
    # First, and not beside the network: ONNX Runtime needs several times a model's size while it loads.
    replayed = _replayed(source, reading)
    batch = None if isinstance(replayed, str) or reading.given.fixed_batch else body_batch(source.proto, replayed)
    if batch is not None:
        reading = read_graph(source, preprocessing, batch)
        replayed = _replayed(source, reading, batch)
    if source.data is None or source.external:
        _release_memory()
    return _Opened(source, reading, build_network(reading), replayed, batch)


def _try(path: Path, preprocessing: Preprocessing) -> None:
    """Opens the file and runs it on images of the lowest values, of the highest, and of random ones."""
    opened = _open(path, preprocessing)
    if not isinstance(opened.replayed, str):
        facts = opened.reading.facts
        box, (random,) = facts.box, trial_inputs(opened.reading, 1)
        lowest, highest = torch.full_like(random, box.low), torch.full_like(random, box.high)
        opened.replayed.try_on(torch.stack([lowest, highest, random]))


def _replayed(source: OnnxFile, reading: Reading, batch: int | None = None) -> ReplayedModel | str:
    """The deployed model, or why there is none if no available runtime knows its operators."""
    try:
        model = replay_of(source, reading.prepare, reading.output, batch, reading.chunk)
    except UnsupportedOperatorsError as error:
        return one_line(error)
    source.check_unchanged()
    return model


def _release_memory() -> None:
    """Let the C library give back what it keeps for later, where it can (glibc); loading a large model leaves much."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
