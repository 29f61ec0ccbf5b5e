"""The built-in architectures by name. Each entry builds a network from the options that a card or a recipe gives."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import nn

from bnnaudit.zoo.architectures.cnn import cnn
from bnnaudit.zoo.architectures.mlp import mlp

ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = MappingProxyType({"cnn": cnn, "mlp": mlp})
