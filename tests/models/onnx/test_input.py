from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import ModelProto, NodeProto, TensorProto

from bnnaudit.core.errors import ModelError
from bnnaudit.core.facts import ChannelOrder, Layout, ModelFacts
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box
from bnnaudit.models.onnx.load import inspect_onnx, load_onnx
from tests.onnx_import.building import model_of, node, some_values


def saved(folder: Path, model: ModelProto) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def averaging(shape: list[int | str], before: list[NodeProto] | None = None, **settings: int) -> ModelProto:
    """Flattened and multiplied: takes any order of the axes. `before` leads from x to f."""
    features = int(np.prod([size for size in shape[1:] if isinstance(size, int)]))
    nodes = [*(before or [node("Identity", "x", "f")]), node("Flatten", "f", "v"), node("MatMul", "v w")]
    return model_of(nodes, shape, {"w": some_values(features, 3)}, output_shape=[shape[0], 3], **settings)


def facts(folder: Path, model: ModelProto, layout: Layout | None = None) -> ModelFacts:
    return inspect_onnx(saved(folder, model), Preprocessing(layout=layout))


def load(folder: Path, model: ModelProto, preprocessing: Preprocessing = Preprocessing()) -> Target:  # noqa: B008
    return load_onnx(saved(folder, model), preprocessing, Surrogate(), torch.device("cpu"))


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        (["n", 3, 8, 8], Layout.NCHW),
        (["n", 1, 8, 8], Layout.NCHW),
        (["n", 8, 8, 3], Layout.NHWC),
        (["n", 8, 8, 1], Layout.NHWC),
        (["n", 1, 8, 3], Layout.NCHW),
        (["n", 4, 8, 3], Layout.NHWC),
        (["n", 12], Layout.FLAT),
        (["n", 8, 8], Layout.FLAT),
    ],
)
def test_layout_of_the_shape(tmp_path: Path, shape: list[int | str], layout: Layout) -> None:
    found = facts(tmp_path, averaging(shape))
    assert found.layout is layout
    assert found.input_shape == tuple(shape[1:])


@pytest.mark.parametrize("shape", [["n", 3, 8, 3], ["n", 8, 8, 8]])
def test_layout_of_the_use(tmp_path: Path, shape: list[int | str]) -> None:
    scaled = node("Mul", "x two", "m")
    turned = [scaled, node("Transpose", "m", "f", perm=[0, 3, 1, 2])]
    convolved = [scaled, node("Conv", "m k", "f", pads=[1, 1, 1, 1])]
    kernel = some_values(int(shape[1]), int(shape[1]), 3, 3)
    for before, layout in ((turned, Layout.NHWC), (convolved, Layout.NCHW)):
        model = averaging(shape, before)
        for name, array in (("two", np.float32(2)), ("k", kernel)):
            model.graph.initializer.append(_tensor(array, name))
        assert facts(tmp_path, model).layout is layout


@pytest.mark.parametrize("shape", [["n", 3, 8, 3], ["n", 8, 8, 8]])
def test_layout_of_the_use_behind_quantizers(tmp_path: Path, shape: list[int | str]) -> None:
    quantized = node("QuantizeLinear", "x s z", "q")
    turned = [quantized, node("DequantizeLinear", "q s z", "d"), node("Transpose", "d", "f", perm=[0, 3, 1, 2])]
    convolved = [
        quantized,
        node("QLinearConv", "q s z k s z s z", "c", pads=[1, 1, 1, 1]),
        node("DequantizeLinear", "c s z", "f"),
    ]
    kernel = np.ones((int(shape[1]), int(shape[1]), 3, 3), np.uint8)
    for before, layout in ((turned, Layout.NHWC), (convolved, Layout.NCHW)):
        model = averaging(shape, before)
        for name, array in (("s", np.float32(0.01)), ("z", np.uint8(0)), ("k", kernel)):
            model.graph.initializer.append(_tensor(array, name))
        assert facts(tmp_path, model).layout is layout


def _tensor(array: np.ndarray | np.float32 | np.uint8, name: str) -> TensorProto:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(array), name)


@pytest.mark.parametrize("shape", [["n", 3, 8, 3], ["n", 8, 8, 8]])
def test_an_ambiguous_layout_must_be_said(tmp_path: Path, shape: list[int | str]) -> None:
    with pytest.raises(ModelError, match="--layout"):
        facts(tmp_path, averaging(shape))
    assert facts(tmp_path, averaging(shape), Layout.NHWC).layout is Layout.NHWC


def test_the_layout_that_is_said_wins(tmp_path: Path) -> None:
    assert facts(tmp_path, averaging(["n", 3, 8, 8]), Layout.NHWC).layout is Layout.NHWC


def test_a_layout_of_images_does_not_fit_features(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="three axes"):
        facts(tmp_path, averaging(["n", 8, 8]), Layout.NCHW)


def test_a_flat_input_may_have_a_layout_of_images(tmp_path: Path) -> None:
    """It is the order in which pictures are flattened: 3 x 2 x 2 values, told apart by their places."""
    model = model_of([node("MatMul", "x w")], ["n", 12], {"w": np.eye(12, dtype=np.float32)}, output_shape=["n", 12])
    images = torch.arange(12.0).view(1, 3, 2, 2) / 12
    last = images.permute(0, 2, 3, 1).reshape(1, 12)
    for layout, expected in ((Layout.NCHW, images.view(1, 12)), (Layout.NHWC, last), (None, images.view(1, 12))):
        target = load(tmp_path, model, Preprocessing(layout=layout))
        assert target.logits(images).equal(expected)
        assert target.deployed(images).equal(expected)


def test_images_reach_a_network_with_channels_last(tmp_path: Path) -> None:
    """A network that sums the channel with weights 1, 10, 100: only the right axis gives the right sums."""
    nodes = [node("ReduceMean", "x axes", "m", keepdims=0), node("MatMul", "m w")]
    weights = np.array([[1, -1], [10, -10], [100, -100]], dtype=np.float32)
    constants = {"w": weights, "axes": np.array([1, 2])}
    target = load(tmp_path, model_of(nodes, ["n", 4, 5, 3], constants, output_shape=["n", 2]))
    images = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1).expand(2, 3, 4, 5)
    expected = torch.tensor([[321.0, -321.0]]).expand(2, 2)
    torch.testing.assert_close(target.logits(images), expected)
    torch.testing.assert_close(target.deployed(images), expected)


def test_mean_and_std_reach_both_copies(tmp_path: Path) -> None:
    model = model_of([node("GlobalAveragePool", "x")], ["n", 3, 2, 2], output_shape=["n", 3, 1, 1])
    target = load(tmp_path, model, Preprocessing(Box(0, 255), mean=(100.0, 50.0, 0.0), std=(10.0, 5.0, 2.0)))
    images = torch.tensor([110.0, 40.0, 8.0]).view(1, 3, 1, 1).expand(2, 3, 2, 2)
    for scores in (target.logits(images), target.deployed(images)):
        torch.testing.assert_close(scores, torch.tensor([[1.0, -2.0, 4.0]]).expand(2, 3))
    assert (target.facts.mean, target.facts.std, target.facts.box) == ((100, 50, 0), (10, 5, 2), Box(0, 255))


def test_blue_comes_first_where_the_network_takes_it_so(tmp_path: Path) -> None:
    """Mean and std are those of the network's own planes: blue, green, red."""
    model = model_of([node("GlobalAveragePool", "x")], ["n", 3, 2, 2], output_shape=["n", 3, 1, 1])
    stated = Preprocessing(Box(0, 255), (100.0, 50.0, 0.0), (10.0, 5.0, 2.0), channels=ChannelOrder.BGR)
    target = load(tmp_path, model, stated)
    images = torch.tensor([8.0, 40.0, 110.0]).view(1, 3, 1, 1).expand(2, 3, 2, 2)
    for scores in (target.logits(images), target.deployed(images)):
        torch.testing.assert_close(scores, torch.tensor([[1.0, -2.0, 4.0]]).expand(2, 3))
    torch.testing.assert_close(target.prepare.restored(target.prepare.normalised(images)), images)
    assert target.facts.channels is ChannelOrder.BGR


def test_a_mean_of_another_number_of_channels(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="mean has 3 values for an input of 1 channels"):
        inspect_onnx(saved(tmp_path, averaging(["n", 1, 8, 8])), Preprocessing(mean=(0.1, 0.2, 0.3)))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (["n", 3, "h", "w"], "n x 3 x h x w"),
        (["n", "features"], "no fixed size"),
        (["n", 3, 0, 8], "a size that is 0 or open"),
        ([12], "batch axis"),
        (["n", 3, 2, 8, 8], "at most three"),
    ],
)
def test_shapes_that_are_no_images(tmp_path: Path, shape: list[int | str], words: str) -> None:
    model = model_of([node("Relu", "x")], shape, output_shape=shape)
    with pytest.raises(ModelError, match=words):
        facts(tmp_path, model)


def test_an_input_of_text(tmp_path: Path) -> None:
    model = model_of([node("Identity", "x")], ["n", 3], element_type=TensorProto.STRING, output_type=TensorProto.STRING)
    with pytest.raises(ModelError, match="takes string, not numbers"):
        facts(tmp_path, model)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_other_precisions(tmp_path: Path, kind: int) -> None:
    """The differentiable copy computes in single precision, the deployed one as the file says."""
    dtype = {TensorProto.FLOAT16: np.float16, TensorProto.DOUBLE: np.float64}[kind]
    constants = {"w": some_values(12, 3).astype(dtype), "b": some_values(3).astype(dtype)}
    nodes = [node("Gemm", "x w b", "g"), node("Cast", "g", "c", to=TensorProto.FLOAT), node("Cast", "c", to=kind)]
    model = model_of(nodes, ["n", 12], constants, element_type=kind, output_type=kind, output_shape=["n", 3])
    target = load(tmp_path, model)
    images = torch.rand(4, 12, generator=torch.Generator().manual_seed(0))
    logits, scores = target.logits(images), target.deployed(images)
    assert logits.dtype == scores.dtype == torch.float32
    torch.testing.assert_close(logits, scores, rtol=5e-3, atol=5e-3)


def test_whole_numbers_are_rounded_in_both_copies(tmp_path: Path) -> None:
    nodes = [node("Cast", "x", "f", to=TensorProto.FLOAT), node("MatMul", "f w")]
    model = model_of(nodes, ["n", 4], {"w": some_values(4, 3)}, element_type=TensorProto.UINT8, output_shape=["n", 3])
    target = load(tmp_path, model, Preprocessing(Box(0, 255)))
    images = torch.tensor([[0.5, 1.5, 254.6, 300.0], [-3.0, 2.4, 17.0, 0.0]], requires_grad=True)
    whole = torch.tensor([[0.0, 2.0, 255.0, 255.0], [0.0, 2.0, 17.0, 0.0]])
    expected = whole @ torch.from_numpy(some_values(4, 3))
    torch.testing.assert_close(target.logits(images).detach(), expected)
    torch.testing.assert_close(target.deployed(images), expected)
    target.logits(images).sum().backward()
    assert (images.grad[1, 1:] != 0).all(), "the rounding passes the gradient on"
