from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, helper, numpy_helper

from bnnaudit.core.errors import ModelError
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.onnx.file import KEPT, read_onnx
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.models.onnx.protobuf_wire import parse_lean
from bnnaudit.onnx_import.graph.external_weights import LARGE, array_of, points, whole

FEATURES = 192


def model(*extra: TensorProto) -> ModelProto:
    """A linear layer whose weights are large, with a small bias."""
    generator = np.random.default_rng(0)
    weights = generator.standard_normal((FEATURES, 100)).astype(np.float32)
    assert weights.nbytes >= LARGE
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 100])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.ones(100, np.float32), "b"), *extra],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def saved(proto: ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def test_large_tensors_are_pointed_at_and_small_ones_held(tmp_path: Path) -> None:
    proto = model()
    lean, large = parse_lean(saved(proto, tmp_path))
    assert [tensor.name for tensor in lean.graph.initializer] == ["b"]
    assert [tensor.name for tensor in large] == ["w"]
    assert points(large[0])
    np.testing.assert_array_equal(array_of(large[0]), numpy_helper.to_array(proto.graph.initializer[0]))
    lean.graph.initializer.extend(large)
    found = {tensor.name: tensor for tensor in whole(lean).graph.initializer}
    assert {name: tensor.raw_data for name, tensor in found.items()} == {
        tensor.name: tensor.raw_data for tensor in proto.graph.initializer
    }


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int8, np.uint16, np.int64, np.bool_])
def test_types(kind: type[np.generic], tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 2, (LARGE, 1)).astype(kind)
    _, large = parse_lean(saved(model(numpy_helper.from_array(values, "v")), tmp_path))
    read = array_of(large[1])
    assert read.dtype == values.dtype
    np.testing.assert_array_equal(read, values)


def test_short_types(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(-8, 8, (4 * LARGE,)).astype(helper.tensor_dtype_to_np_dtype(22))
    source = read_onnx(saved(model(numpy_helper.from_array(values, "v")), tmp_path))
    (tensor,) = (tensor for tensor in source.proto.graph.initializer if tensor.name == "v")
    np.testing.assert_array_equal(array_of(tensor), values)


def test_loaded_network_equals_the_deployed_model(tmp_path: Path) -> None:
    path = saved(model(), tmp_path)
    target = load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))
    images = torch.rand(3, FEATURES)
    torch.testing.assert_close(target.logits(images), target.deployed(images), rtol=1e-4, atol=1e-4)


def test_large_weights_beside_the_model(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(model(), path, save_as_external_data=True, location="weights", size_threshold=0)
    source = read_onnx(path)
    assert {tensor.name: points(tensor) for tensor in source.proto.graph.initializer} == {"w": True, "b": False}
    target = load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))
    images = torch.rand(3, FEATURES)
    torch.testing.assert_close(target.logits(images), target.deployed(images), rtol=1e-4, atol=1e-4)


def test_a_large_tensor_of_another_size_than_its_shape_is_refused(tmp_path: Path) -> None:
    proto = model()
    proto.graph.initializer[0].dims[0] -= 1
    with pytest.raises(ModelError, match="the values of tensor 'w' do not fit its type and shape"):
        read_onnx(saved(proto, tmp_path))


def test_a_large_file_that_changes_is_noticed(tmp_path: Path) -> None:
    path = saved(model(numpy_helper.from_array(np.zeros(KEPT // 4 + 1, np.float32), "unused")), tmp_path)
    source = read_onnx(path)
    assert source.data is None
    source.check_unchanged()
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelError, match="changed while it was read"):
        source.check_unchanged()


def test_damaged_files_read_as_the_library_reads_them(tmp_path: Path) -> None:
    """Whatever is flipped or cut off: the same model, or the same refusal."""
    good = model().SerializeToString()
    generator = np.random.default_rng(0)
    path = tmp_path / "damaged.onnx"
    for trial in range(200):
        damaged = bytearray(good)
        if trial % 4 == 0:
            damaged = damaged[: generator.integers(1, len(damaged))]
        # Most of the file is weights, where nothing can go wrong: aim at the ends.
        for place in generator.integers(0, 120, 2):
            damaged[int(place) if trial % 2 else -int(place) - 1] ^= 1 << int(generator.integers(8))
        path.write_bytes(bytes(damaged))
        try:
            expected = ModelProto.FromString(bytes(damaged))
        except DecodeError:
            with pytest.raises(DecodeError):
                parse_lean(path)
            continue
        lean, large = parse_lean(path)
        lean.graph.initializer.extend(large)
        found = whole(lean)
        order = sorted(found.graph.initializer, key=lambda tensor: tensor.SerializeToString())
        other = sorted(expected.graph.initializer, key=lambda tensor: tensor.SerializeToString())
        assert order == other
        del found.graph.initializer[:], expected.graph.initializer[:]
        assert found == expected
