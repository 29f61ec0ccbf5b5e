"""Files with a fixed batch: opened where that can be written, run in a loop where not, and right in both cases."""

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import ModelProto, NodeProto

from bnnaudit.core.errors import ModelError
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.models.onnx.network import FixedBatch
from tests.onnx_import.building import model_of, node, some_values


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def load(folder: Path, model: ModelProto) -> Target:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))


def model_with(nodes: list[NodeProto], batch: int, **constants: np.ndarray) -> ModelProto:
    """3 x 4 x 4 images to v (batch, 48) by `nodes`, then to 5 scores."""
    weights = {"w": some_values(48, 5), **constants}
    return model_of([*nodes, node("MatMul", "v w")], [batch, 3, 4, 4], weights, output_shape=[batch, 5])


def one_by_one(target: Target, images: torch.Tensor) -> torch.Tensor:
    """ONNX Runtime on one image after another: no image can lean on its neighbours."""
    return torch.cat([target.deployed(image[None]) for image in images])


def check(target: Target, batch: int, looped: bool) -> None:
    assert target.facts.fixed_batch == batch
    assert isinstance(target.network, FixedBatch) is looped
    for count in (1, 2, 5):
        images = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(count))
        expected = one_by_one(target, images)
        torch.testing.assert_close(target.logits(images), expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(target.deployed(images), expected, rtol=1e-5, atol=1e-5)


OPENED = {
    "flatten": lambda n: ([node("Flatten", "x", "v")], {}),
    "reshape to the batch": lambda n: ([node("Reshape", "x t", "v")], {"t": ints(n, 48)}),
    "reshape with the rest left": lambda n: ([node("Reshape", "x t", "v")], {"t": ints(n, -1)}),
    "resized to sizes": lambda n: (
        [node("Resize", "x - - z", "m"), node("Reshape", "m t", "v")],
        {"z": ints(n, 3, 8, 2), "t": ints(n, 48)},
    ),
    "no zero allowed": lambda n: ([node("Reshape", "x t", "v", allowzero=1)], {"t": ints(n, 48)}),
    "batch joined and parted": lambda n: (
        [node("Reshape", "x t", "m"), node("Relu", "m", "r"), node("Reshape", "r u", "v")],
        {"t": ints(3 * n, 16), "u": ints(n, 48)},
    ),
    "batch parted from what is left": lambda n: (
        [node("Reshape", "x t", "m"), node("Reshape", "m u", "v")],
        {"t": ints(3 * n, -1), "u": ints(n, -1)},
    ),
}


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
@pytest.mark.parametrize("name", OPENED)
def test_opened(tmp_path: Path, name: str, batch: int) -> None:
    nodes, constants = OPENED[name](batch)
    check(load(tmp_path, model_with(nodes, batch, **constants)), batch, looped=False)


LOOPED = {
    "everything in a row": lambda n: (
        [node("Reshape", "x t", "m"), node("Relu", "m", "r"), node("Reshape", "r u", "v")],
        {"t": ints(-1), "u": ints(n, 48)},
    ),
    "a constant for each image": lambda n: (
        [node("Flatten", "x", "f"), node("Concat", "f c", "fc", axis=1), node("Slice", "fc b e a", "v")],
        {"c": np.zeros((n, 2), dtype=np.float32), "b": ints(0), "e": ints(48), "a": ints(1)},
    ),
}


@pytest.mark.parametrize("batch", [2, 4])
@pytest.mark.parametrize("name", LOOPED)
def test_looped(tmp_path: Path, name: str, batch: int) -> None:
    nodes, constants = LOOPED[name](batch)
    target = load(tmp_path, model_with(nodes, batch, **constants))
    looped = name == "a constant for each image"
    check(target, batch, looped)


def test_a_loop_passes_gradients(tmp_path: Path) -> None:
    nodes, constants = LOOPED["a constant for each image"](2)
    target = load(tmp_path, model_with(nodes, 2, **constants))
    images = torch.rand(3, 3, 4, 4).requires_grad_()
    target.logits(images).sum().backward()
    expected = torch.from_numpy(some_values(48, 5)).sum(1).view(1, 3, 4, 4).expand(3, 3, 4, 4)
    torch.testing.assert_close(images.grad, expected, rtol=1e-5, atol=1e-5)


def test_a_target_that_is_no_shape(tmp_path: Path) -> None:
    """A Reshape whose target is a matrix of floats is left to be refused."""
    model = model_with([node("Reshape", "x w")], 1, w=some_values(12, 3))
    with pytest.raises(ModelError):
        load(tmp_path, model)
