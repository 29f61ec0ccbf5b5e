"""Loading as a whole: unsupported operators, failing conversions, and two public networks where they are at hand."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import helper

from bnnaudit.core.errors import ModelError, UnsupportedOperatorsError
from bnnaudit.core.facts import Layout, OutputKind
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box
from bnnaudit.models.onnx.load import inspect_onnx, load_onnx
from bnnaudit.quantization.quantizers import BinarySign, named_quantizers
from tests.onnx_import.building import model_of, node, some_values
from tests.paths import SHARED

DATA = SHARED / "data"
SIGNS = DATA / "gtsrb_30x30_bnn.onnx"
DIGITS = DATA / "mnist_tfc_2w2a_qonnx.onnx"
PIXELS = Preprocessing(box=Box(0, 255))


def load(path: Path, preprocessing: Preprocessing = Preprocessing()) -> Target:  # noqa: B008 - frozen
    return load_onnx(path, preprocessing, Surrogate(), torch.device("cpu"))


def test_all_unsupported_operators_are_named_at_once(tmp_path: Path) -> None:
    nodes = [
        node("Strange", "x", "a", domain="my.domain"),
        node("Det", "a", "b"),
        node("Relu", "b", "c"),
        node("Strange", "c", "d", domain="my.domain"),
        node("Unique", "d", "h"),
        node("MatMul", "h w"),
    ]
    model = model_of(nodes, ["n", 12], {"w": some_values(12, 3)}, output_shape=["n", 3])
    model.opset_import.append(helper.make_opsetid("my.domain", 3))
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UnsupportedOperatorsError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}: no differentiable import of: Strange-3 of my.domain (2x, first 'Strange_a'); "
        "Det-11 (1x, first 'Det_b'); Unique-11 (1x, first 'Unique_h')"
    )


def test_ten_unsupported_operators_are_named_in_one_line(tmp_path: Path) -> None:
    """Each with its version, its domain, how often it occurs and where first; those of the standard domain too."""
    own = [f"Odd{number}" for number in range(8)]
    nodes = [node("Det", "x", "v0"), node("Unique", "v0", "v1")]
    nodes += [node(op, f"v{place + 1}", f"v{place + 2}", domain="my.own") for place, op in enumerate([*own, *own[:3]])]
    model = model_of([*nodes, node("MatMul", "v12 w")], ["n", 12], {"w": some_values(12, 3)}, output_shape=["n", 3])
    model.opset_import.append(helper.make_opsetid("my.own", 2))
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UnsupportedOperatorsError) as caught:
        load(path)
    counts = [2, 2, 2, 1, 1, 1, 1, 1]
    places = [f"{op}-2 of my.own ({counts[i]}x, first '{op}_v{i + 2}')" for i, op in enumerate(own)]
    expected = "; ".join(["Det-11 (1x, first 'Det_v0')", "Unique-11 (1x, first 'Unique_v1')", *places])
    assert str(caught.value) == f"{path}: no differentiable import of: {expected}"


def test_all_nodes_that_cannot_be_converted_are_named(tmp_path: Path) -> None:
    """Operators that are supported, with settings that are not."""
    nodes = [
        node("Dropout", "x ratio training", "a"),
        node("Relu", "a", "b"),
        node("Dropout", "b ratio training", "c"),
        node("MatMul", "c w"),
    ]
    constants = {"w": some_values(12, 3), "ratio": np.array(0.5, dtype=np.float32), "training": np.array(True)}
    path = tmp_path / "model.onnx"
    path.write_bytes(model_of(nodes, ["n", 12], constants, output_shape=["n", 3]).SerializeToString())
    with pytest.raises(ModelError, match=r"Dropout 'Dropout_a'.*; Dropout 'Dropout_c'"):
        load(path)


def test_awkward_node_names(tmp_path: Path) -> None:
    """Names that are empty, alike once dots and quotes are gone, or those of a module's own methods."""
    names = ["", "", "forward", "a.b", "a/b", "initializers", "same's", 'same"s', "same_s", "graph", "training", "code"]
    values = ["x", *(f"v{i}" for i in range(len(names)))]
    nodes = [helper.make_node("Neg", [values[i]], [values[i + 1]], name=name) for i, name in enumerate(names)]
    nodes.append(node("MatMul", f"{values[-1]} w"))
    path = tmp_path / "model.onnx"
    path.write_bytes(model_of(nodes, ["n", 12], {"w": some_values(12, 3)}, output_shape=["n", 3]).SerializeToString())
    images = torch.rand(2, 12)
    torch.testing.assert_close(load(path).logits(images), images @ torch.from_numpy(some_values(12, 3)))


def test_a_name_cannot_become_program_text(tmp_path: Path) -> None:
    """torch.fx generates Python from the names of modules."""
    trace = tmp_path / "trace"
    name = f'a"), __import__("pathlib").Path("{trace}").touch(), getattr(self, "a'
    model = model_of([node("MatMul", "x w")], ["n", 12], {"w": some_values(12, 3)}, output_shape=["n", 3])
    model.graph.node[0].name = name
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    assert load(path).logits(torch.rand(2, 12)).shape == (2, 3)
    assert not trace.exists()


def test_a_fresh_process_warns_of_nothing(tmp_path: Path) -> None:
    """What onnx2torch, torchvision and torch warn of as they are imported and used stays with us."""
    import subprocess
    import sys

    path = tmp_path / "model.onnx"
    path.write_bytes(
        model_of(
            [node("MatMul", "x w")], ["n", 12], {"w": some_values(12, 3)}, output_shape=["n", 3]
        ).SerializeToString()
    )
    program = (
        "import sys, torch; from pathlib import Path\n"
        "from bnnaudit.core.attack import Surrogate\n"
        "from bnnaudit.core.preprocessing import Preprocessing\n"
        "from bnnaudit.models.onnx.load import load_onnx\n"
        "target = load_onnx(Path(sys.argv[1]), Preprocessing(), Surrogate(), torch.device('cpu'))\n"
        "target.deployed(torch.zeros(1, 12))\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "always", "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("", "")


@pytest.mark.skipif(not SIGNS.is_file(), reason=f"{SIGNS.name} is not at hand")
class TestTrafficSigns:
    """A public binarized network: input with channels last, 0..255, the two-Sign pattern twice, a Softmax at the end."""

    def test_facts(self) -> None:
        facts = load(SIGNS, PIXELS).facts
        assert facts == inspect_onnx(SIGNS, PIXELS)
        assert (facts.num_classes, facts.input_shape, facts.layout) == (43, (30, 30, 3), Layout.NHWC)
        assert (facts.weight_bits, facts.activation_bits, facts.fixed_batch) == (1, 1, None)
        assert facts.output is OutputKind.SOFTMAX
        assert len(facts.quantizers) == 2

    def test_predictions_equal_those_of_onnx_runtime(self) -> None:
        target = load(SIGNS, PIXELS)
        stored = np.load(DATA / "gtsrb_30x30_test2000.npz")
        images = torch.from_numpy(stored["x"]).permute(0, 3, 1, 2).float()
        with torch.no_grad():
            logits = target.logits(images)
        assert torch.equal(logits.argmax(1), target.deployed(images).argmax(1))
        assert (logits.argmax(1).numpy() == stored["y"]).mean() > 0.8

    def test_gradients_pass_both_binarizations(self) -> None:
        target = load(SIGNS, PIXELS)
        assert [type(quantizer) for _, quantizer in named_quantizers(target.network)] == [BinarySign, BinarySign]
        stored = np.load(DATA / "gtsrb_30x30_test2000.npz")
        images = torch.from_numpy(stored["x"][:20]).permute(0, 3, 1, 2).float().requires_grad_()
        target.logits(images)[:, 7].sum().backward()
        assert (images.grad.flatten(1).abs().amax(1) > 0).all()


@pytest.mark.skipif(not DIGITS.is_file(), reason=f"{DIGITS.name} is not at hand")
def test_a_public_qonnx_network_is_served_as_it_is_attacked() -> None:
    """Two bits throughout; the batch of the file, one, is opened."""
    target = load(DIGITS)
    images = torch.rand(64, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = target.logits(images)
    torch.testing.assert_close(logits, target.deployed(images), rtol=1e-4, atol=1e-4)
    assert (target.facts.num_classes, target.facts.weight_bits) == (10, 2)


def test_warnings_of_the_caller_stay_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(
        model_of(
            [node("MatMul", "x w")], ["n", 12], {"w": some_values(12, 3)}, output_shape=["n", 3]
        ).SerializeToString()
    )
    before = list(warnings.filters)
    load(path)
    assert warnings.filters == before
