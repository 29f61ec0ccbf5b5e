"""An ONNX file as a `Target`."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import gc
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import torch

from bnnaudit.core.errors import UnsupportedOperatorsError, one_line
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.onnx.batch import body_batch
from bnnaudit.models.onnx.file import OnnxFile, read_onnx
from bnnaudit.models.onnx.reading import Reading, default_replay, read_graph, replay_of
from bnnaudit.models.onnx.replay import OnnxRuntimeModel, ReplayedModel, UnverifiedModel
from bnnaudit.models.onnx.replayable import differs_by_default, notes_on_replay
from bnnaudit.models.speed import TRIED, speed_up
from bnnaudit.onnx_import.runtime import PLAIN
from bnnaudit.quantization.quantizers import named_quantizers


def inspect_onnx(path: Path, preprocessing: Preprocessing) -> ModelFacts:
    """What the file holds, without a network: unsupported operators do no harm. Raises ModelError."""
    source = read_onnx(path)
    facts = read_graph(source, preprocessing).facts
    return replace(facts, runtime=", ".join((facts.runtime, *notes_on_replay(source.proto))))


def load_onnx(path: Path, preprocessing: Preprocessing, surrogate: Surrogate, device: torch.device) -> Target:
    """The model in both forms: a differentiable copy on `device`, and ONNX Runtime on the file itself.

    Raises UnsupportedOperatorsError, or ModelError for anything else that is wrong with the file.
    """
    # The network needs onnx2torch, and with it torchvision: a second or two that `inspect_onnx` does without.
    from bnnaudit.models.onnx.network import build_network, trial_inputs

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
    network = build_network(reading)
    network = speed_up(network, trial_inputs(reading, TRIED), bool(reading.facts.quantizers), device)
    for _, quantizer in named_quantizers(network):
        quantizer.surrogate = surrogate
    deployed = (
        UnverifiedModel(copy.deepcopy(network), reading.prepare, replayed) if isinstance(replayed, str) else replayed
    )
    facts = replace(reading.facts, runtime=deployed.runtime)
    target = Target(network.to(device), reading.prepare, deployed, facts, device)
    if not isinstance(replayed, OnnxRuntimeModel) or replayed.way == PLAIN or not differs_by_default(source.proto):
        return target
    return replace(
        target, default_session=cache(partial(default_replay, source, reading.prepare, reading.output, batch))
    )


def _replayed(source: OnnxFile, reading: Reading, batch: int | None = None) -> ReplayedModel | str:
    """The deployed model, or why there is none where no runtime at hand knows its operators."""
    try:
        model = replay_of(source, reading.prepare, reading.output, batch)
    except UnsupportedOperatorsError as error:
        return one_line(error)
    source.check_unchanged()
    return model


def _release_memory() -> None:
    """Let the C library give back what it keeps for later, where it can (glibc); loading a large model leaves much."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
