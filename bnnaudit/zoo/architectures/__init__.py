"""The built-in architectures by name. Each entry builds a network from the options that a card or a recipe gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from itertools import chain
from types import MappingProxyType
from typing import ParamSpec

import torch
from torch import nn

from bnnaudit.zoo.architectures.cnn import cnn
from bnnaudit.zoo.architectures.densenet import densenet121
from bnnaudit.zoo.architectures.lenet import lenet
from bnnaudit.zoo.architectures.mlp import mlp
from bnnaudit.zoo.architectures.mobilenet import mobilenet_v2
from bnnaudit.zoo.architectures.resnet import resnet18, resnet50
from bnnaudit.zoo.architectures.vgg import vgg16

MOST_PARAMETERS = 2**27
"""Of a network that options describe: half a GiB, of which an audit makes copies. Not tuned."""
MOST_LAYERS = 1_000
"""Not tuned."""

Options = ParamSpec("Options")


def bounded(builder: Callable[Options, nn.Module]) -> Callable[Options, nn.Module]:
    """The builder, which first counts on the meta device, without memory, what its options ask for.

    Raises ValueError for more than `MOST_PARAMETERS` or `MOST_LAYERS`.
    """

    @wraps(builder)
    def build(*arguments: Options.args, **options: Options.kwargs) -> nn.Module:
        for name, value in options.items():
            if isinstance(value, Sequence) and len(value) > MOST_LAYERS:
                raise ValueError(f"{name} has {len(value):,} entries, more than {MOST_LAYERS:,} layers")
        with torch.device("meta"):
            planned = builder(*arguments, **options)
        count = sum(tensor.numel() for tensor in chain(planned.parameters(), planned.buffers()))
        if count > MOST_PARAMETERS:
            raise ValueError(f"{count:,} parameters, more than the {MOST_PARAMETERS:,} of a network of this kind")
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
