"""A PyTorch network as a Target, from a checkpoint and its architecture: foreign code intercepted, facts read off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from torch import Tensor, nn

from bnnaudit.core.digest import sha256_of
from bnnaudit.core.errors import CheckpointError, ModelError, one_line
from bnnaudit.core.facts import Layout, ModelFacts, ModelFormat, OperatorCount, OutputKind
from bnnaudit.core.file_limits import IMAGE_VALUES, MOST_CLASSES
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.scores import are_probabilities
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Deployed, Preparation, Target
from bnnaudit.models.checkpoint.differentiable import UsersNetwork
from bnnaudit.models.checkpoint.fit_weights import fit_weights
from bnnaudit.models.checkpoint.observation import Observation, observe
from bnnaudit.models.checkpoint.replay import ModuleModel, as_served, copied
from bnnaudit.models.checkpoint.state_dict import read_state_dict
from bnnaudit.onnx_import.graph.size_limits import SizeGuard

PROBES = 5
"""Random images on which a checkpoint is tried. Not tuned."""
FEW_PROBES = 2
"""The same where one has more than `LARGE` values."""
LARGE = 2**20
"""Values of an image: an RGB picture of 591x591. Not tuned."""


def load_checkpoint(
    path: Path,
    network: nn.Module,
    input_shape: tuple[int, ...],
    preprocessing: Preprocessing,
    surrogate: Surrogate,
    device: torch.device,
    records: bool = True,
) -> Target:
    """The checkpoint at `path`, loaded into `network` (which is taken over), as a Target.

    input_shape: the network's own, without the batch: (C, H, W), (H, W, C) with layout NHWC, or (features,). records:
    whether its operators may be recorded, which is the first way to a gradient through code of the user's own. Raises
    CheckpointError for a file that is refused, weights that do not fit, or a network that does not map inputs of that shape
    to one score a class.
    """
    file_format, weights = read_state_dict(path)
    fit_weights(weights, network, str(path))
    network = as_served(network.float())
    origin = Origin(str(path), sha256_of(path), file_format, f"torch {torch.__version__.partition('+')[0]}")
    return target_from(
        network,
        origin,
        lambda prepare: ModuleModel(copied(network), prepare),
        input_shape,
        preprocessing,
        surrogate,
        device,
        records,
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a network comes from, in the words of `ModelFacts`; `path` names it in messages."""

    path: str
    sha256: str
    format: ModelFormat
    runtime: str
    metadata: tuple[tuple[str, str], ...] = ()


def target_from(
    network: nn.Module,
    origin: Origin,
    deploy: Callable[[Preparation], Deployed],
    input_shape: tuple[int, ...],
    preprocessing: Preprocessing,
    surrogate: Surrogate,
    device: torch.device,
    records: bool = True,
) -> Target:
    """The network (in single precision, as served, on the CPU), which is taken over, as a Target.

    deploy: the deployed model for a preparation, asked for before the network is changed. Raises CheckpointError for a
    network that does not map inputs of that shape to one score a class.
    """
    if IMAGE_VALUES.exceeded_by(values := prod(input_shape)):
        refusal = IMAGE_VALUES.refusal(values)
        raise CheckpointError(
            f"{origin.path}: an input of {'x'.join(map(str, input_shape))} is {refusal}; correct input_shape"
        )
    layout = _layout(input_shape, preprocessing)
    prepare = Preparation(input_shape, layout, preprocessing.mean, preprocessing.std, preprocessing.channels)
    probes = prepare(_noise(prepare, preprocessing))
    seen = _observed(origin.path, network, probes)
    kind = _output_kind(seen)
    deployed = deploy(prepare)
    parameters, operators = sum(parameter.numel() for parameter in network.parameters()), _operators(network)
    copy = UsersNetwork(network, probes, seen, kind, device).differentiable(surrogate, records)
    facts = ModelFacts(
        path=origin.path,
        sha256=origin.sha256,
        format=origin.format,
        num_classes=seen.scores.shape[1],
        input_shape=input_shape,
        layout=prepare.layout,
        box=preprocessing.box_of_floats,
        mean=preprocessing.mean,
        std=preprocessing.std,
        weight_layers=seen.weight_layers,
        quantizers=copy.quantizers,
        operators=operators,
        parameters=parameters,
        output=kind,
        runtime=origin.runtime,
        metadata=(("architecture", type(network).__name__), *origin.metadata),
        gradients=copy.gradients,
        channels=preprocessing.channels,
    )
    return Target(copy.network, prepare, deployed, facts, device)


def _noise(prepare: Preparation, preprocessing: Preprocessing) -> Tensor:
    """Random images, whose shape is that of the data."""
    box, shape = preprocessing.box_of_floats, prepare.input_shape
    probes = PROBES if prod(shape) <= LARGE else FEW_PROBES
    noise = torch.rand((probes, *shape), generator=torch.Generator().manual_seed(0)) * box.width + box.low
    return noise.permute(0, 3, 1, 2) if prepare.layout is Layout.NHWC and len(shape) == 3 else noise


def _observed(where: str, network: nn.Module, inputs: Tensor) -> Observation:
    """One pass over random inputs, which must give each of them a finite number of scores."""
    text = "x".join(str(length) for length in inputs.shape[1:])
    try:
        with SizeGuard():  # type: ignore[no-untyped-call]
            seen = observe(network, inputs)
    except ModelError as error:
        raise CheckpointError(f"{where}: {error}") from error
    except Exception as error:  # the network may be the user's code and raise anything
        raise CheckpointError(
            f"{where}: {type(network).__name__} fails on an input of shape {text} ({type(error).__name__}: "
            f"{one_line(error, 200)}); correct input_shape, the layout or the architecture's options"
        ) from error
    scores = seen.scores
    if not isinstance(scores, Tensor) or scores.dim() != 2 or len(scores) != len(inputs) or scores.shape[1] < 2:
        shown = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        raise CheckpointError(
            f"{where}: {type(network).__name__} returns {shown} for {len(inputs)} inputs of shape {text}; a classifier returns "
            "one score for each of at least 2 classes"
        )
    if MOST_CLASSES.exceeded_by(scores.shape[1]):
        raise CheckpointError(f"{where}: {MOST_CLASSES.refusal(scores.shape[1])}")
    return seen


def _output_kind(seen: Observation) -> OutputKind:
    """LOGITS, or by the network's last call or by its values the probabilities or their logarithms."""
    if seen.output is not OutputKind.LOGITS:
        return seen.output
    if are_probabilities(seen.scores):
        return OutputKind.SOFTMAX
    return OutputKind.LOG_SOFTMAX if are_probabilities(seen.scores.exp()) else OutputKind.LOGITS


def _layout(input_shape: tuple[int, ...], preprocessing: Preprocessing) -> Layout:
    """As stated; else channels first for three axes, as PyTorch has it, and flat for any other number of them."""
    if preprocessing.layout is not None:
        return preprocessing.layout
    return Layout.NCHW if len(input_shape) == 3 else Layout.FLAT


def _operators(network: nn.Module) -> tuple[OperatorCount, ...]:
    """The leaf modules counted by class."""
    leaves = [type(module).__name__ for module in network.modules() if not list(module.children())]
    return tuple(OperatorCount(op, count) for op, count in Counter(leaves).most_common())
