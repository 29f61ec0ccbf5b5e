"""The built-in architectures by name. Each entry builds a network from the options that a card or a recipe gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from itertools import chain
from types import MappingProxyType
from typing import ParamSpec

import torch
from torch import nn

from bnnaudit.core.file_limits import MOST_LAYERS, MOST_PARAMETERS
from bnnaudit.zoo.architectures.cnn import cnn
from bnnaudit.zoo.architectures.densenet import densenet121
from bnnaudit.zoo.architectures.lenet import lenet
from bnnaudit.zoo.architectures.mlp import mlp
from bnnaudit.zoo.architectures.mobilenet import mobilenet_v2
from bnnaudit.zoo.architectures.resnet import resnet18, resnet50
from bnnaudit.zoo.architectures.vgg import vgg16

Options = ParamSpec("Options")


def bounded(builder: Callable[Options, nn.Module]) -> Callable[Options, nn.Module]:
    """The builder, which first counts on the meta device, without memory, what its options ask for.

    Raises ValueError for more than `MOST_PARAMETERS` or `MOST_LAYERS`.
    """

    @wraps(builder)
    def build(*arguments: Options.args, **options: Options.kwargs) -> nn.Module:
        for name, value in options.items():
            if isinstance(value, Sequence) and MOST_LAYERS.exceeded_by(len(value)):
                raise ValueError(f"{name} has {MOST_LAYERS.refusal(len(value))}")
        with torch.device("meta"):
            planned = builder(*arguments, **options)
        count = sum(tensor.numel() for tensor in chain(planned.parameters(), planned.buffers()))
        if MOST_PARAMETERS.exceeded_by(count):
            raise ValueError(MOST_PARAMETERS.refusal(count))
        return builder(*arguments, **options)

    return build


BUILDERS: tuple[Callable[..., nn.Module], ...] = (
    cnn,
    densenet121,
    lenet,
    mlp,
    mobilenet_v2,
    resnet18,
    resnet50,
    vgg16,
)
ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = MappingProxyType(
    {builder.__name__: bounded(builder) for builder in BUILDERS}
)
