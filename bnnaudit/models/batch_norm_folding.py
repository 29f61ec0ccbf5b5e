"""Batch normalisation folded into the convolutions before it, which saves a network that has it a sixth of its time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor, fx, nn

from bnnaudit.onnx_import.converters.convolution import convolve
from bnnaudit.onnx_import.converters.normalization import batch_norm
from bnnaudit.onnx_import.operands import FunctionModule, Operands
from bnnaudit.quantization.quantizers import shared_copy

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMALIZATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
"""Exactly these: what derives from them may compute something else."""
TOLERANCE = 1e-4
"""Difference of scores, relative to the largest of them, that rounding and another order of summation explain; not tuned."""


Affine = tuple[Tensor, Tensor]
"""Scale and shift of what a normalisation by stored statistics does to each channel, scale x + shift, both (C,) float64."""


def with_folded_normalization(network: nn.Module, inputs: Tensor) -> nn.Module:
    """The network with every batch normalisation folded whose only input is a convolution's only use.

    For networks without quantizers: where a sign follows, rounding could flip it. inputs (N, *input_shape), on which the
    result has to agree. Weights that stay are shared with `network`, which is left as it was and returned where nothing
    can be folded: where its code cannot be followed, or where the scores change by more than rounding.
    """
    twin = shared_copy(network)
    folded = 0
    for owner, graph in _graphs(twin):
        for convolution, normalization in _pairs(owner, graph):
            if _fold(owner.get_submodule(convolution), owner.get_submodule(normalization)):
                owner.set_submodule(normalization, nn.Identity())
                folded += 1
    if not folded:
        return network
    with torch.no_grad():
        return twin if scores_agree(network(inputs), twin(inputs)) else network


def scores_agree(before: Tensor, after: Tensor) -> bool:
    """Whether scores (N, d) are the same but for rounding."""
    tolerance = TOLERANCE * float(before.nan_to_num(0, 0, 0).abs().max())
    return torch.allclose(before, after, rtol=0, atol=tolerance)


def _graphs(network: nn.Module) -> Iterator[tuple[nn.Module, fx.Graph]]:
    """The parts of a network whose calls can be followed, each with its calls: an imported graph, else the whole."""
    imported = [module for module in network.modules() if isinstance(module, fx.GraphModule)]
    for module in imported:
        yield module, module.graph
    if imported:
        return
    try:
        graph = fx.Tracer().trace(shared_copy(network))  # a copy, for the code may keep what it is shown
    except Exception:  # the network may be the user's code, and what cannot be traced fails in many ways
        return
    yield network, graph


def _pairs(owner: nn.Module, graph: fx.Graph) -> list[tuple[str, str]]:
    """Names of convolutions and of the normalisations that alone use their results; each called once in the graph."""
    calls = [node for node in graph.nodes if node.op == "call_module"]
    layers = [owner.get_submodule(str(node.target)) for node in calls]
    called = Counter(id(layer) for layer in layers)
    pairs = []
    for node, layer in zip(calls, layers, strict=True):
        before = node.args[0] if len(node.args) == 1 and not node.kwargs else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) != 1:
            continue
        convolution = owner.get_submodule(str(before.target))
        if len(before.args) == 1 and called[id(layer)] < 2 and called[id(convolution)] < 2:
            pairs.append((str(before.target), str(node.target)))
    return pairs


def _fold(convolution: nn.Module, normalization: nn.Module) -> bool:
    """Takes the normalisation into the convolution; False, and nothing is changed, where they are not of a known kind."""
    affine = _affine(normalization)
    if affine is None or _is_altered(convolution) or _is_altered(normalization):
        return False
    if isinstance(convolution, nn.Conv1d | nn.Conv2d | nn.Conv3d) and type(convolution) in CONVOLUTIONS:
        weight, bias = _folded(convolution.weight, convolution.bias, affine)
        convolution.weight, convolution.bias = (nn.Parameter(new, requires_grad=False) for new in (weight, bias))
        return True
    stored = _stored(convolution, convolve)
    if isinstance(convolution, FunctionModule) and stored is not None:
        kernel, shift = stored
        if kernel is not None:
            convolution.given[0] = Operands(_folded(kernel, shift, affine))
            return True
    return False


def _stored(layer: nn.Module, function: Callable[..., Tensor]) -> tuple[Tensor | None, ...] | None:
    """The tensors of an imported layer that computes a function; None for other layers, and where one is computed."""
    if not isinstance(layer, FunctionModule) or layer.function is not function or any(layer.counts):
        return None
    return cast("tuple[Tensor | None, ...]", layer.given[0]())


def _is_altered(layer: nn.Module) -> bool:
    """Whether something other than the layer's own code affects what it computes."""
    return bool(layer._forward_hooks or layer._forward_pre_hooks) or "forward" in vars(layer)


def _affine(normalization: nn.Module) -> Affine | None:
    """The normalisation's scale and shift; None where it is of no known kind, or computes its statistics itself."""
    statistics: tuple[Tensor | None, ...]
    match normalization:
        case nn.BatchNorm1d() | nn.BatchNorm2d() | nn.BatchNorm3d() if type(normalization) in NORMALIZATIONS:
            layer = normalization
            statistics, epsilon = (layer.weight, layer.bias, layer.running_mean, layer.running_var), layer.eps
        case FunctionModule(settings={"epsilon": epsilon}) if (
            stored := _stored(normalization, batch_norm)
        ) is not None:
            statistics = stored
        case _:
            return None
    scale, bias, mean, variance = (None if tensor is None else tensor.detach().double() for tensor in statistics)
    if mean is None or variance is None or mean.dim() != 1 or normalization.training:
        return None
    factor = torch.rsqrt(variance + epsilon) * (1.0 if scale is None else scale)
    return factor, (0.0 if bias is None else bias) - mean * factor


def _folded(weight: Tensor, bias: Tensor | None, affine: Affine) -> tuple[Tensor, Tensor]:
    """The weight (C, ...) and the bias (C,) of the convolution and the normalisation in one."""
    scale, shift = affine
    per_channel = scale.view(-1, *(1,) * (weight.dim() - 1))
    shift = shift if bias is None else shift + bias.double() * scale
    return (weight.double() * per_channel).to(weight.dtype), shift.to(weight.dtype)
