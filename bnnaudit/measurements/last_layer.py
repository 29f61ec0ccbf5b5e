"""The last affine map before the logits: found in any network, and replaced by a two-class head."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.measurements.layer_hooks import LayerCall, layer_calls

AFFINE_NOISE = 1e-3
"""Relative departure from an affine map that float32 explains."""


class NoLastLayerError(Exception):
    """The network's features cannot be had; the message says why."""


class FeaturesReached(Exception):  # noqa: N818 - it carries a result, it is no error
    """Raised inside a forward pass once the features are known: what comes after them is not needed."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.features = features


class TwoClassHead(nn.Module):
    """The network's features (N, F) under a head of two classes, with logits (-z, z), z = weight . feature + bias."""

    def __init__(self, network: nn.Module, layer: str, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.network, self.layer = network, layer
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, *input_shape) -> (N, 2)."""
        features = features_at(self.network, self.layer, inputs)
        decision = features @ self.get_buffer("weight").to(features.dtype) + self.get_buffer("bias").to(features.dtype)
        return torch.stack([-decision, decision], dim=1)


def features_at(network: nn.Module, layer: str, inputs: Tensor) -> Tensor:
    """What `layer` is given (N, F), flattened; whatever follows it does not run."""

    def stop(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        raise FeaturesReached(given[0].flatten(1))

    handle = network.get_submodule(layer).register_forward_pre_hook(stop)
    try:
        network(inputs)
    except FeaturesReached as reached:
        return reached.features
    finally:
        handle.remove()
    raise NoLastLayerError("the last layer was not reached")


def last_affine_layer(target: Target, batch: Batch) -> str:
    """The layer at which the affine tail of the network begins: everything from its input to the logits is affine.

    Walks back from the last layer that returns a row of scores for each image, as long as each layer is affine and is
    given exactly what the one before it made. Raises NoLastLayerError where the last layer is not, or there are no layers.
    """
    with torch.no_grad():
        everything = layer_calls(target.network, lambda: target.logits(batch.images))
    names = [call.name for call in everything]
    # A layer that runs twice cannot be replaced.
    calls = [call for call in everything if call.name and names.count(call.name) == 1]
    scores = [index for index, call in enumerate(calls) if call.made.shape == (len(batch), target.facts.num_classes)]
    if not scores:
        raise NoLastLayerError("no layer returns one score for each class, so there is no last layer to replace")
    index = scores[-1]
    found = ""
    while index >= 0 and _is_affine(calls[index]):
        found = calls[index].name
        earlier = [before for before in range(index) if calls[before].made is calls[index].given]
        index = earlier[-1] if earlier else -1
    if not found:
        raise NoLastLayerError(f"the last layer that returns scores, `{calls[scores[-1]].name}`, is not an affine map")
    return found


def _is_affine(call: LayerCall) -> bool:
    """Whether f((u + v) / 2) = (f(u) + f(v)) / 2 for what it was given and for noise of that size."""
    generator = torch.Generator().manual_seed(0)
    size = call.given.abs().amax().clamp_min(1e-6)
    other = (torch.rand(call.given.shape, generator=generator) * 4 - 2).to(call.given) * size
    try:
        with torch.no_grad():
            ends, middle = (call.layer(call.given) + call.layer(other)) / 2, call.layer((call.given + other) / 2)
    except (RuntimeError, TypeError):  # of more than one input
        return False
    scale = ends.abs().amax().clamp_min(1e-6)
    return bool((ends - middle).abs().amax() <= AFFINE_NOISE * scale)
