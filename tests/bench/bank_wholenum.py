"""Entries of the bank that take whole numbers: exported to ONNX with such an input, and loaded as a user's file is."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from bnnaudit.core.batch import Batch
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm
from bnnaudit.models.onnx.load import load_onnx
from tests.bench.bank_networks import trained
from tests.networks.broken import Scale, behind

if TYPE_CHECKING:
    from tests.bench.bank import Entry

KINDS = {"uint8": torch.uint8, "int8": torch.int8, "int16": torch.int16}
BELOW_ONE_STEP = 0.6 / 255


class _FromWhole(nn.Module):
    """The range of a type to 0..1."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        limits = np.iinfo(kind)
        self.low, self.width = float(limits.min), float(limits.max) - float(limits.min)

    def forward(self, values: Tensor) -> Tensor:
        return (values.float() - self.low) / self.width


def with_whole_numbers(network: nn.Module, batch: Batch, kind: str) -> tuple[Target, Batch]:
    """A network of images in 0..1 as a file that takes whole numbers, and the batch in its range, every pixel a whole number."""
    whole = nn.Sequential(_FromWhole(kind), network).eval()
    example = torch.zeros(2, *batch.images.shape[1:], dtype=KINDS[kind])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            whole,
            (example,),
            str(path),
            dynamo=False,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
        )
        target = load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))
    box = target.facts.box
    return target, Batch((box.low + box.width * batch.images).round(), batch.labels, batch.ids)


def whole_number_entries(data: str, eps: float, like: Entry, fake: Entry) -> Iterator[Entry]:
    """Healthy ones at the radius, at fractions of it and below one step, and scaled logits; `like` and `fake` are one of
    each kind."""

    def healthy(what: str, kind: str, base: str, radius: float, **settings: object) -> Entry:
        name = f"{data}-{base}, {kind} {what}"
        return replace(
            like, name=name, data=data, whole=kind, eps=radius, make=lambda: trained(f"{data}-{base}"), **settings
        )

    yield healthy(f"at {eps:g}", "uint8", "float", eps)
    yield healthy(f"at {0.4 * eps:g}", "int8", "robust", 0.4 * eps)
    yield healthy("below one step", "uint8", "float", BELOW_ONE_STEP)
    yield healthy(f"L2 {4 * eps:g}", "int8", "float", 4 * eps, norm=Norm.L2)
    for kind, base in (("uint8", "float"), ("int8", "robust"), ("int16", "float")):
        network = f"{data}-{base}"
        yield replace(
            fake,
            name=f"{network}, {kind}, logits x 1000",
            data=data,
            whole=kind,
            eps=eps,
            make=lambda network=network: behind(trained(network), Scale(1000.0)),
        )
