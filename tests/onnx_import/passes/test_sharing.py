"""Files that ONNX Runtime loads without options of ours and not with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, helper, numpy_helper

from bnnaudit.onnx_import import runtime
from bnnaudit.onnx_import.passes.sharing import unshare
from bnnaudit.onnx_import.runtime import EXACT, PLAIN, SessionKind, open_by_kind, open_default_session
from tests.onnx_import.building import model_of, node

VALUES = np.random.default_rng(1).random((20, 16), dtype=np.float32)
UNSHARED = SessionKind(unshared=True)


def two_layers(zero_points: tuple[str, str] = ("z", "z"), kind: str = "int8") -> ModelProto:
    """Two layers with weights of 8 bits between (de)quantizers, whose zero points may be one and the same."""
    generator = np.random.default_rng(0)
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    stored = [generator.integers(low, high + 1, shape).astype(kind) for shape in ((16, 12), (12, 5))]
    nodes = [
        node("QuantizeLinear", "x sx zx", "q"),
        node("DequantizeLinear", "q sx zx", "f"),
        node("DequantizeLinear", f"w1 s {zero_points[0]}", "w1f"),
        node("MatMul", "f w1f", "h"),
        node("QuantizeLinear", "h sh zh", "hq"),
        node("DequantizeLinear", "hq sh zh", "hf"),
        node("DequantizeLinear", f"w2 s {zero_points[1]}", "w2f"),
        node("MatMul", "hf w2f"),
    ]
    constants: dict[str, Any] = {"w1": stored[0], "w2": stored[1], "s": np.float32(0.004), "sx": np.float32(1 / 255)}
    constants |= {"zx": np.uint8(0), "sh": np.float32(0.02), "zh": np.uint8(128)}
    constants |= {name: np.array(0, kind) for name in set(zero_points)}
    return model_of(nodes, ["n", 16], constants, 17, output_shape=["n", 5])


def as_written(model: ModelProto) -> np.ndarray:
    """What the file says, in float64."""
    stored = {tensor.name: numpy_helper.to_array(tensor).astype(np.float64) for tensor in model.graph.initializer}
    first = np.clip(np.rint(VALUES.astype(np.float64) / stored["sx"]), 0, 255) * stored["sx"]
    hidden = first @ (stored["w1"] * stored["s"])
    second = (np.clip(np.rint(hidden / stored["sh"]) + 128, 0, 255) - 128) * stored["sh"]
    return second @ (stored["w2"] * stored["s"])


def test_two_weights_with_one_zero_point_are_computed_exactly(tmp_path: Path) -> None:
    model = two_layers()
    onnx.save(model, tmp_path / "model.onnx")
    for given in (model.SerializeToString(), str(tmp_path / "model.onnx")):
        session, way = open_by_kind(given)
        assert way in (EXACT, UNSHARED), "never without exact sums: some release of ONNX Runtime may load it as it is"
        np.testing.assert_allclose(session.run(None, {"x": VALUES})[0], as_written(model), rtol=1e-4, atol=1e-4)


def test_zero_points_of_their_own_need_no_copies() -> None:
    model = two_layers(("z", "other"))
    session, way = open_by_kind(model.SerializeToString())
    assert way == EXACT
    np.testing.assert_allclose(session.run(None, {"x": VALUES})[0], as_written(model), rtol=1e-4, atol=1e-4)


def test_weights_beside_the_file_are_found_from_a_changed_copy(tmp_path: Path) -> None:
    model = two_layers()
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    session, _ = open_by_kind(str(path))
    np.testing.assert_allclose(session.run(None, {"x": VALUES})[0], as_written(two_layers()), rtol=1e-4, atol=1e-4)


def test_every_use_gets_a_copy_and_nothing_else_does() -> None:
    model = two_layers()
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.int8(3), "c"))
    model.graph.node.insert(0, constant)
    model.graph.node.extend([node("Identity", "c", "c1"), node("Identity", "c", "c2")])
    assert unshare(model)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    uses = [name for one in model.graph.node for name in one.input]
    integers = [name for name, array in stored.items() if array.dtype == np.int8 and name in uses]
    assert sorted(uses.count(name) for name in integers) == [1] * 6  # two weights, two zero points, twice the constant
    assert uses.count("s") == 2, "floats are shared still"
    assert [stored[name].item() for name in uses if name.startswith("c/")] == [3, 3]
    assert not unshare(model)


def test_two_layers_that_take_one_dequantized_weight() -> None:
    """ONNX Runtime repeats the DequantizeLinear for each of them, and so shares its zero point."""
    weights = np.random.default_rng(0).integers(-128, 128, (16, 16)).astype(np.int8)
    nodes = [node("DequantizeLinear", "w s z", "f"), node("MatMul", "x f", "h"), node("MatMul", "h f")]
    constants = {"w": weights, "s": np.float32(0.004), "z": np.int8(0)}
    model = model_of(nodes, ["n", 16], constants, 17, output_shape=["n", 16])
    session, way = open_by_kind(model.SerializeToString())
    assert way.exact_sums
    exact = weights.astype(np.float64) * np.float32(0.004)
    np.testing.assert_allclose(session.run(None, {"x": VALUES})[0], VALUES @ exact @ exact, rtol=1e-4, atol=1e-4)
    assert unshare(model)
    assert [one.op_type for one in model.graph.node] == ["DequantizeLinear", "MatMul", "DequantizeLinear", "MatMul"]
    assert not unshare(model)


def test_with_uint8_weights_there_is_nothing_to_copy() -> None:
    model = two_layers(kind="uint8")
    assert not unshare(model)
    assert open_by_kind(model.SerializeToString())[1] == EXACT


@pytest.mark.parametrize(
    ("refused", "way"),
    [
        (lambda settings, disabled: "session.x64quantprecision" in settings, SessionKind(exact_sums=False)),
        (lambda settings, disabled: bool(settings.keys() & {"session.x64quantprecision"}) or bool(disabled), PLAIN),
    ],
    ids=["exact sums", "exact sums and unfused quantizers"],
)
def test_options_that_a_runtime_refuses_are_left_out_one_by_one(
    monkeypatch: pytest.MonkeyPatch, refused: Any, way: SessionKind
) -> None:
    opened = runtime._session

    def picky(model: bytes, settings: dict[str, str], disabled: tuple[str, ...]) -> Any:
        if refused(settings, disabled):
            raise RuntimeError("no such option")
        return opened(model, settings, disabled)

    monkeypatch.setattr(runtime, "_session", picky)
    session, found = open_by_kind(two_layers().SerializeToString())
    assert found == way
    assert session.run(None, {"x": VALUES})[0].shape == (20, 5)


def test_what_no_session_loads_is_told_by_the_plain_one() -> None:
    model = two_layers()
    model.graph.node[3].op_type = "NoSuchOperator"
    with pytest.raises(runtime.RUNTIME_ERRORS, match="NoSuchOperator"):
        open_by_kind(model.SerializeToString())


def test_a_default_session_is_one_without_options() -> None:
    model = two_layers(("z", "other"))
    session, way = open_default_session(model.SerializeToString())
    plain = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert way == PLAIN
    np.testing.assert_array_equal(session.run(None, {"x": VALUES})[0], plain.run(None, {"x": VALUES})[0])
