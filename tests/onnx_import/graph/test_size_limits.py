"""Values that are too large are refused before memory is taken, whether the file says how large they are or not."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import ModelProto, helper

from bnnaudit.core.errors import ModelError
from bnnaudit.core.file_limits import LARGEST_OF_IMAGE, LARGEST_VALUE
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.onnx_import.graph.size_limits import SizeGuard
from bnnaudit.onnx_import.importer import plain_graph
from tests.bench.fuzz.kinds.onnx_seeds import WEIGHTS, external_weights, seed_models
from tests.onnx_import.building import model_of, node, some_values
from tests.paths import SAMPLE_MODELS

HUGE = np.array([1, 10**6, 10**6])


def load(folder: Path, model: ModelProto) -> torch.nn.Module:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu")).network


@pytest.mark.parametrize(
    ("batch", "features", "fits"),
    [
        (1, LARGEST_VALUE.most, True),
        (1, LARGEST_VALUE.most + 1, False),
        ("n", LARGEST_OF_IMAGE.most, True),
        ("n", LARGEST_OF_IMAGE.most + 1, False),
    ],
)
def test_limits(batch: int | str, features: int, fits: bool) -> None:
    model = model_of([node("Relu", "x")], [batch, features])
    if fits:
        plain_graph(model)
        return
    with pytest.raises(ModelError, match=rf"value 'x' would hold .*{features} numbers"):
        plain_graph(model)


def test_a_constant_that_would_be_computed(tmp_path: Path) -> None:
    nodes = [node("ConstantOfShape", "huge", "a"), node("ReduceSum", "a", "b", keepdims=0), node("Add", "x b", "c")]
    model = model_of([*nodes, node("MatMul", "c w")], ["n", 12], {"huge": HUGE, "w": some_values(12, 3)})
    with pytest.raises(ModelError, match=r"value 'a' would hold 1 x 1000000 x 1000000 numbers"):
        load(tmp_path, model)


def test_a_weight_that_is_padded_to_another_size(tmp_path: Path) -> None:
    """Within the limit of a value, but a constant does not grow so from what is stored."""
    nodes = [node("Pad", "w pads", "p"), node("ReduceSum", "p axis", "r", keepdims=0), node("MatMul", "x r")]
    constants = {"w": some_values(12, 3, 4), "pads": np.array([0, 0, 0, 0, 0, 10**6]), "axis": np.array([2])}
    with pytest.raises(ModelError, match=r"value 'p' would hold 12 x 3 x 1000004 numbers"):
        load(tmp_path, model_of(nodes, ["n", 12], constants))


@pytest.mark.parametrize(
    ("first", "line"),
    [
        (True, r"takes more than 3.0 GiB of memory"),
        (False, r"the result of \w+ would hold 1000000 x 1000000 numbers"),
    ],
)
def test_a_shape_that_only_a_run_shows(first: bool, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The side is computed from the number of images, so that no inference can tell it; first: as on Linux."""
    if not first:
        monkeypatch.setattr("bnnaudit.models.onnx.load.tried_first", lambda *_: None)
    nodes = [
        node("Shape", "x", "sizes"),
        node("Cast", "sizes", "numbers", to=1),
        node("ReduceMax", "numbers", "top", keepdims=0),
        node("Mul", "top zero", "nothing"),
        node("Add", "nothing side", "float_side"),
        helper.make_node("Cast", ["float_side"], ["whole_side"], to=7),
        node("Concat", "whole_side whole_side", "size", axis=0),
        node("ConstantOfShape", "size", "a"),
        node("ReduceSum", "a", "b", keepdims=0),
        node("MatMul", "x w", "c"),
        node("Add", "c b"),
    ]
    constants = {"zero": np.float32([0]), "side": np.float32([10**6]), "w": some_values(12, 3)}
    with pytest.raises(ModelError, match=line):
        load(tmp_path, model_of(nodes, ["n", 12], constants, output_shape=["n", 3]))


def test_the_guard_changes_nothing_else() -> None:
    with SizeGuard():
        values = torch.arange(6.0).reshape(2, 3)
        assert (values @ values.T).tolist() == [[5, 14], [14, 50]]
        assert values.nonzero().shape == (5, 2)
        with pytest.raises(ModelError, match=r"would hold 100000 x 100000 numbers"):
            torch.zeros(10**5, 10**5)


def test_the_guard_does_without_pytorchs_compiler(tmp_path: Path) -> None:
    """In a process of its own, on networks of several dialects: the compiler takes a second to load, and makes a folder."""
    names = [name for name in seed_models() if name != "nested"]  # its operators are not imported
    for name in names:
        (tmp_path / f"{name}.onnx").write_bytes(seed_models()[name].SerializeToString())
    (tmp_path / WEIGHTS).write_bytes(external_weights())
    models = [str(SAMPLE_MODELS / "digits-ref.onnx"), *(str(tmp_path / f"{name}.onnx") for name in names)]
    code = (
        "import sys, torch\nfrom pathlib import Path\nfrom bnnaudit.core.preprocessing import Preprocessing\n"
        "from bnnaudit.core.surrogate import Surrogate\nfrom bnnaudit.models.onnx.load import load_onnx\n"
        f"for model in {models!r}:\n"
        "    load_onnx(Path(model), Preprocessing(), Surrogate(), torch.device('cpu'))\n"
        "    print(model, [name for name in ('torch._dynamo', 'torchvision') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{model} []" for model in models]


def test_the_guard_sees_what_is_joined() -> None:
    """Values that are views of one number are small; what they are joined to is not."""
    wide = torch.zeros(1).expand(2**14, 2**13)
    with SizeGuard():  # type: ignore[no-untyped-call]
        assert torch.cat([torch.zeros(2), torch.zeros(3)]).shape == (5,)
        for join in (torch.cat, torch.stack):
            with pytest.raises(ModelError, match="numbers, more than"):
                join([wide, wide])


def test_the_guard_sees_broadcasts_and_products() -> None:
    column, row = torch.zeros(2**14, 1), torch.zeros(1, 2**14)
    with SizeGuard():  # type: ignore[no-untyped-call]
        with pytest.raises(ModelError, match="numbers, more than"):
            torch.add(column, row)
        with pytest.raises(ModelError, match="numbers, more than"):
            torch.addmm(torch.zeros(1), column, row)
        with pytest.raises(RuntimeError, match="must match"):
            torch.add(torch.zeros(3), torch.zeros(2))
