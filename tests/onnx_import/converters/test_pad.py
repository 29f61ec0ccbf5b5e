from functools import partial

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from bnnaudit.core.errors import UnsupportedOperatorsError
from bnnaudit.onnx_import.converters.pad import MODES, pad
from tests.onnx_import.building import some_values
from tests.onnx_import.comparing import check, ints, module_of

VALUES = some_values(2, 3, 4, 5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pads", [(0, 0, 1, 2, 0, 0, 3, 0), (0, 1, 2, 3, 1, 0, 1, 4), (0, 0, -1, 2, 0, -1, 2, -2)])
def test_modes(mode: str, pads: tuple[int, ...]) -> None:
    if mode == "wrap" and min(pads) < 0:
        # ONNX Runtime reads outside of the tensor here; NumPy has the rule.
        whole = np.take(VALUES[:, :2], np.arange(1, 6) % 4, axis=2)
        expected = np.take(whole, np.arange(-2, 3) % 5, axis=3)
        check("Pad", VALUES, ints(*pads), opset=19, mode=mode, expected=[expected])
        return
    check("Pad", VALUES, ints(*pads), opset=19, mode=mode)


def test_axes_and_fill() -> None:
    check("Pad", VALUES, ints(1, 0, 2, -1), np.array(1.5, dtype=np.float32), ints(-1, 2), opset=19)


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.bool_])
def test_whole_numbers(kind: type[np.generic]) -> None:
    values = np.arange(6).reshape(2, 3).astype(kind)
    check("Pad", values, ints(1, 0, 0, 2), np.array(1).astype(kind), opset=19)


@pytest.mark.parametrize("opset", [2, 10])
def test_old_versions(opset: int) -> None:
    check("Pad", VALUES, opset=opset, pads=[0, 0, 1, 1, 0, 0, 2, 0], value=2.5)
    check("Pad", VALUES, opset=opset, pads=[0, 0, 1, 1, 0, 0, 2, 0], mode="edge")


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UnsupportedOperatorsError, match="padding mode 'mirror'"):
        module_of("Pad", VALUES, ints(0, 0, 0, 0, 0, 0, 0, 0), mode="mirror")


@pytest.mark.parametrize("mode", MODES)
def test_derivatives(mode: str) -> None:
    padded = partial(pad, pads=[1, -1, 2, 2], axes=None, fill=None, mode=mode)
    values = torch.randn(4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    assert gradcheck(padded, values, check_forward_ad=True, check_batched_grad=True)
