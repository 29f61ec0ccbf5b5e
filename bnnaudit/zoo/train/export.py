"""Writes a trained network as it is deployed: ONNX, or a state dict in safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

import onnx
import torch
from safetensors.torch import save
from torch import Tensor, nn

from bnnaudit.core.errors import UsageError
from bnnaudit.models.checkpoint.packed_weights import packed
from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.learned_step import UniformConv2d, UniformLinear
from bnnaudit.zoo.train import narrow_weights, qonnx_form
from bnnaudit.zoo.train.tables import OnnxForm

OPSET = 20
"""Version of the standard operators that the files are written in."""


def require_exporter() -> None:
    """Raises UsageError unless ONNX can be written."""
    if find_spec("onnxscript") is None:
        raise UsageError("training: ONNX is written with onnxscript; install bnnaudit[train]")


def onnx_bytes(
    network: nn.Module, input_shape: tuple[int, ...], pack: bool = False, form: OnnxForm = OnnxForm.STANDARD
) -> bytes:
    """The network, deployed and in eval mode, as ONNX: input `images` (batch, *input_shape), output `logits` (batch, d).

    The exporter's notes on where in the source each node comes from are left out, so the bytes depend on the network and
    the versions of torch and onnxscript alone. pack: binary weights take four bits each. form: `standard`, or `qonnx`. Raises
    UsageError where onnxscript is not installed.
    """
    require_exporter()
    from onnxscript import optimizer

    with torch.no_grad():
        program = torch.onnx.export(
            network,
            (torch.zeros(2, *input_shape),),
            input_names=["images"],
            output_names=["logits"],
            opset_version=narrow_weights.OPSET if pack else OPSET,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    grid = _grid_of(network)
    if grid is not None:
        # torch leaves weights of more than a few thousand numbers as floats, to be rounded at every run.
        limit = sum(parameter.numel() for parameter in network.parameters())
        optimizer.optimize(program.model, input_size_limit=limit, output_size_limit=limit)
    model = program.model_proto
    graph = model.graph
    for noted in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del noted.metadata_props[:]
        noted.doc_string = ""
    model.producer_version = torch.__version__.partition("+")[0]
    if pack:
        narrow_weights.store_narrow(model)
    if form is OnnxForm.QONNX:
        qonnx_form.write_qonnx(model, grid)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _grid_of(network: nn.Module) -> Grid | None:
    """That of the network's whole weights, where it has any."""
    grids = {layer.grid for layer in network.modules() if isinstance(layer, UniformConv2d | UniformLinear)}
    assert len(grids) <= 1
    return next(iter(grids), None)


def safetensors_bytes(weights: Mapping[str, Tensor], pack: bool, half: bool = False) -> bytes:
    """A state dict, without the batch counters of its normalisations.

    pack: binary weights take one bit each. half: other weights of layers, which float16 is to hold exactly, take two bytes.
    """
    kept = {name: tensor.contiguous() for name, tensor in weights.items() if not name.endswith("num_batches_tracked")}
    tensors, metadata = packed(kept) if pack else (kept, {})
    if half:
        layers = {name: tensor for name, tensor in tensors.items() if tensor.dim() > 1 and tensor.is_floating_point()}
        tensors = {**tensors, **{name: tensor.half() for name, tensor in layers.items()}}
    return bytes(save(tensors, metadata or None))
