"""What ONNX Runtime predicts from an exported network, and whether that is what torch predicts."""

from __future__ import annotations

import onnx
import torch
from torch import Tensor, nn

from bnnaudit.core.facts import Layout
from bnnaudit.core.target import Preparation
from bnnaudit.onnx_import.passes.qonnx_to_standard import to_standard_form
from bnnaudit.onnx_import.runtime import open_session
from bnnaudit.zoo.train.final_form import passes
from bnnaudit.zoo.train.images import Images
from bnnaudit.zoo.train.int8_form import as_pixels
from bnnaudit.zoo.train.tables import OnnxForm, Recipe


def predictions(content: bytes, images: Images, recipe: Recipe) -> Tensor:
    """The classes (N,) that the file gives the images, with exact 8-bit sums; as many threads as torch has are used.

    ONNX Runtime knows no operators of QONNX's: they are written with standard ones first.
    """
    if recipe.export.onnx is OnnxForm.QONNX:
        content = bytes(to_standard_form(onnx.load_from_string(content)).SerializeToString())
    session = open_session(content)
    (taken,) = session.get_inputs()
    prepare = _preparation(images, recipe)
    found = []
    for inputs, _ in passes(images):
        values = as_pixels(inputs) if recipe.export.onnx is OnnxForm.INT8 else prepare(inputs)
        (scores,) = session.run(None, {taken.name: values.numpy()})
        found.append(torch.from_numpy(scores).argmax(dim=1))
    return torch.cat(found)


@torch.no_grad()
def agreement(predicted: Tensor, network: nn.Module, images: Images, recipe: Recipe) -> float:
    """The fraction of images for which torch predicts the class (N,) that is given."""
    prepare = _preparation(images, recipe)
    classes = torch.cat([network(prepare(inputs)).argmax(dim=1) for inputs, _ in passes(images)])
    return float((classes == predicted).double().mean())


def _preparation(images: Images, recipe: Recipe) -> Preparation:
    return Preparation(images.shape, Layout.NCHW, recipe.data.mean, recipe.data.std)
