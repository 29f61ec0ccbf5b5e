"""Zero points and scales, brought to the axes of the tensors that they belong to."""

from __future__ import annotations

from torch import Tensor

from bnnaudit.onnx_import.graph.torch_types import as_float


def shifted(values: Tensor, zero_point: Tensor | None, axis: int | None = None) -> Tensor:
    """values - zero_point, a vector of zero points lying along `axis`; values (...) -> (...)."""
    values = as_float(values)
    if zero_point is None:
        return values
    return values - along(as_float(zero_point), axis, values.dim())


def along(parameter: Tensor, axis: int | None, axes: int) -> Tensor:
    """A number, or a vector along `axis` of a tensor with so many axes; what has more axes stays as it is."""
    if parameter.dim() > 1:
        return parameter
    if parameter.numel() == 1:
        return parameter.reshape(())
    if axis is None:
        raise ValueError(f"{parameter.numel()} zero points or scales where one is needed")
    shape = [1] * axes
    shape[axis] = -1
    return parameter.reshape(shape)
