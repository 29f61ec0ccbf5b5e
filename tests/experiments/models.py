"""Small models for the paper's tables, and facts of models that need not exist."""

from __future__ import annotations

import torch
from torch import nn

from bnnaudit.auditing.prepare import prepare
from bnnaudit.core.facts import FLOAT_BITS, Layout, ModelFacts, ModelFormat, QuantizerFact, layer_bits
from bnnaudit.core.progress import Progress, Silence
from bnnaudit.core.report import DataFacts
from bnnaudit.core.reproduction import Network
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.data import Sample
from bnnaudit.experiments.model_run import ModelRun
from bnnaudit.experiments.plan import Setup
from bnnaudit.experiments.sizes import attack_sizes
from bnnaudit.quantization.quantizers import BinarySign
from tests.toy import linear_target, target_of

WEIGHTS = torch.tensor([[3.0, -2.0, 1.0, 0.5], [-3.0, 2.0, -1.0, -0.5], [0.1, 0.2, -0.3, 0.4]])
DIGITS = Network("mlp", "digits", "BNN-WAQ")


def facts(weights: int | None, activations: int | None) -> ModelFacts:
    return ModelFacts(
        "m.onnx",
        "0" * 64,
        ModelFormat.ONNX,
        3,
        (4,),
        Layout.FLAT,
        Box(),
        weight_layers=layer_bits([weights]),
        unknown_steps=activations is None,
        quantizers=() if activations in (None, FLOAT_BITS) else (QuantizerFact("step", "sign", activations),),
    )


def linear() -> Target:
    """Three classes of four numbers."""
    return linear_target(WEIGHTS, torch.tensor([0.0, 0.0, -0.2]))


def binary() -> Target:
    """The same behind a layer of signs."""
    generator = torch.Generator().manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 16), BinarySign(), nn.Linear(16, 3))
    for parameter in network.parameters():
        with torch.no_grad():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return target_of(network, (4,), 3)


def run_of(
    target: Target,
    network: Network = DIGITS,
    count: int = 12,
    eps: float = 0.1,
    progress: Progress | None = None,
    restarts: int = 3,
    radii: tuple[float, ...] = (),
) -> ModelRun:
    """A model on images without labels, which it is right about."""
    images = torch.rand(count, 4, generator=torch.Generator().manual_seed(1))
    sample = Sample(images, None, torch.arange(count), DataFacts("toy", count, "0" * 64))
    sizes = attack_sizes(network.data, Norm.LINF, eps, 4)
    setup = Setup(sizes, Threat(Norm.LINF, eps), restarts, bool(target.facts.quantizers), radii)
    return ModelRun(prepare(target, sample, 0, 8), network, setup, progress or Silence())
