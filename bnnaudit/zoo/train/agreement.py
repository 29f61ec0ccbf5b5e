"""Whether ONNX Runtime predicts from an exported network what torch predicts from it."""

from __future__ import annotations

import onnxruntime
import torch
from torch import nn

from bnnaudit.core.facts import Layout
from bnnaudit.core.target import Preparation
from bnnaudit.zoo.train.final_form import passes
from bnnaudit.zoo.train.images import Images
from bnnaudit.zoo.train.tables import Recipe


@torch.no_grad()
def agreement(content: bytes, network: nn.Module, images: Images, recipe: Recipe) -> float:
    """The fraction of images for which both predict the same class; torch's threads are used by both."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    prepare = Preparation(images.shape, Layout.NCHW, recipe.data.mean, recipe.data.std)
    same = 0
    for inputs, _ in passes(images):
        values = prepare(inputs)
        (scores,) = session.run(None, {taken.name: values.numpy()})
        same += int((torch.from_numpy(scores).argmax(dim=1) == network(values).argmax(dim=1)).sum())
    return same / len(images)
