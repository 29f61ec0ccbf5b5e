from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper

from bnnaudit.core.errors import ModelError
from bnnaudit.core.facts import OutputKind
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.onnx.load import inspect_onnx, load_onnx
from tests.onnx_import.building import model_of, node, some_values

WEIGHTS = some_values(12, 3)


def scoring(tail: list[NodeProto], opset: int = 20, **settings: object) -> ModelProto:
    """Logits l (n, 3) of 12 features, then `tail`, from l to y."""
    constants = {
        "w": WEIGHTS,
        "one_by_one": np.array([-1, 3, 1, 1]),
        "flat": np.array([-1, 3]),
        "axes": np.array([2, 3]),
        "middle": np.array([1]),
    }
    return model_of([node("MatMul", "x w", "l"), *tail], ["n", 12], constants, opset, **settings)


def saved(folder: Path, model: ModelProto) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def load(folder: Path, model: ModelProto) -> Target:
    return load_onnx(saved(folder, model), Preprocessing(), Surrogate(), torch.device("cpu"))


TAILS = {
    "softmax": ([node("Softmax", "l")], 20, OutputKind.SOFTMAX),
    "softmax before 13": ([node("Softmax", "l")], 11, OutputKind.SOFTMAX),
    "softmax over axis 1": ([node("Softmax", "l", axis=1)], 20, OutputKind.SOFTMAX),
    "log-softmax": ([node("LogSoftmax", "l", "p"), node("Identity", "p")], 20, OutputKind.LOG_SOFTMAX),
    "softmax of maps": (
        [node("Reshape", "l one_by_one", "m"), node("Softmax", "m", "p", axis=1), node("Squeeze", "p axes")],
        20,
        OutputKind.SOFTMAX,
    ),
    "softmax, reshaped": (
        [node("Reshape", "l one_by_one", "m"), node("Softmax", "m", "p", axis=1), node("Reshape", "p flat")],
        20,
        OutputKind.SOFTMAX,
    ),
    "maps": ([node("Reshape", "l one_by_one")], 20, OutputKind.LOGITS),
    "logits": ([node("Identity", "l")], 20, OutputKind.LOGITS),
}


@pytest.mark.parametrize("name", TAILS)
def test_logits_come_before_the_softmax(tmp_path: Path, name: str) -> None:
    tail, opset, kind = TAILS[name]
    target = load(tmp_path, scoring(tail, opset))
    images = torch.rand(4, 12, generator=torch.Generator().manual_seed(0))
    logits = images @ torch.from_numpy(WEIGHTS)
    torch.testing.assert_close(target.logits(images), logits, rtol=1e-5, atol=1e-6)
    served = {
        OutputKind.LOGITS: logits,
        OutputKind.SOFTMAX: logits.softmax(1),
        OutputKind.LOG_SOFTMAX: logits.log_softmax(1),
    }
    torch.testing.assert_close(target.deployed(images), served[kind], rtol=1e-5, atol=1e-6)
    assert target.facts.output is kind
    assert target.facts.num_classes == 3


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param([node("Softmax", "l", axis=0)], id="over the batch"),
        pytest.param([node("Reshape", "l one_by_one", "m"), node("Softmax", "m", axis=3)], id="over an axis of one"),
        pytest.param([node("Softmax", "l", "p"), node("Relu", "p")], id="followed by something else"),
    ],
)
def test_another_softmax_is_no_softmax_over_classes(tmp_path: Path, tail: list[NodeProto]) -> None:
    assert inspect_onnx(saved(tmp_path, scoring(tail)), Preprocessing()).output is OutputKind.LOGITS


def with_outputs(names_types: list[tuple[str, int]], tail: list[NodeProto]) -> ModelProto:
    model = scoring(tail)
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(name, kind, None) for name, kind in names_types)
    return model


def test_the_first_output_of_scores_is_taken(tmp_path: Path) -> None:
    """Behind a label and a scalar; the same output is replayed."""
    tail = [
        node("ArgMax", "l", "label", axis=1, keepdims=0),
        node("ReduceSum", "l", "loss", keepdims=0),
        node("Neg", "l", "y"),
    ]
    outputs = [("label", TensorProto.INT64), ("loss", TensorProto.FLOAT), ("y", TensorProto.FLOAT)]
    target = load(tmp_path, with_outputs([*outputs, ("l", TensorProto.FLOAT)], tail))
    images = torch.rand(4, 12)
    expected = -(images @ torch.from_numpy(WEIGHTS))
    torch.testing.assert_close(target.logits(images), expected)
    torch.testing.assert_close(target.deployed(images), expected)


def test_logits_that_are_returned_too(tmp_path: Path) -> None:
    """Both logits and probabilities are outputs: the first one counts."""
    tail = [node("Softmax", "l")]
    target = load(tmp_path, with_outputs([("y", TensorProto.FLOAT), ("l", TensorProto.FLOAT)], tail))
    images = torch.rand(4, 12)
    assert target.facts.output is OutputKind.SOFTMAX
    torch.testing.assert_close(target.logits(images), images @ torch.from_numpy(WEIGHTS))
    torch.testing.assert_close(target.deployed(images), target.logits(images).softmax(1))


def test_one_part_of_a_split_as_the_output(tmp_path: Path) -> None:
    split = node("Split", "l", "first", axis=1, num_outputs=2)
    split.output.append("y")
    model = with_outputs([("y", TensorProto.FLOAT)], [node("Concat", "l l", "ll", axis=1), split])
    model.graph.node[-1].input[0] = "ll"
    target = load(tmp_path, model)
    images = torch.rand(4, 12)
    torch.testing.assert_close(target.logits(images), images @ torch.from_numpy(WEIGHTS))


def test_labels_are_no_scores(tmp_path: Path) -> None:
    model = scoring([node("ArgMax", "l", axis=1)], output_type=TensorProto.INT64)
    with pytest.raises(ModelError, match=r"'y' holds the number of the class that an ArgMax chose.*; export the model"):
        inspect_onnx(saved(tmp_path, model), Preprocessing())


def test_labels_as_floats_are_no_scores(tmp_path: Path) -> None:
    tail = [node("ArgMax", "l", "label", axis=1, keepdims=1), node("Cast", "label", to=TensorProto.FLOAT)]
    with pytest.raises(ModelError, match="'y' holds the number of the class that an ArgMax chose"):
        inspect_onnx(saved(tmp_path, scoring(tail)), Preprocessing())


FLOAT = TensorProto.FLOAT
SEVERAL = [("label", TensorProto.INT64), ("y", FLOAT), ("negative", FLOAT), ("l", FLOAT)]


def with_several_outputs() -> ModelProto:
    """A label, a softmax, and two kinds of logits."""
    tail = [node("ArgMax", "l", "label", axis=1, keepdims=0), node("Softmax", "l"), node("Neg", "l", "negative")]
    return with_outputs(SEVERAL, tail)


def test_the_output_that_is_named_is_taken_and_replayed(tmp_path: Path) -> None:
    path = saved(tmp_path, with_several_outputs())
    images = torch.rand(4, 12)
    logits = images @ torch.from_numpy(WEIGHTS)
    for name, expected in {None: logits.softmax(1), "y": logits.softmax(1), "negative": -logits, "l": logits}.items():
        target = load_onnx(path, Preprocessing(output_name=name), Surrogate(), torch.device("cpu"))
        torch.testing.assert_close(target.deployed(images), expected)
        torch.testing.assert_close(target.logits(images), -logits if name == "negative" else logits)
        assert ("outputs", f"label, y, negative, l; scores: {name or 'y'}") in target.facts.metadata


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent", "no output 'absent'; the outputs are: 'label', 'y', 'negative', 'l'$"),
        ("label", r"ArgMax chose.*name another output with --output-name \('label', 'y', 'negative', 'l'\)"),
    ],
)
def test_an_output_that_cannot_be_named(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        inspect_onnx(saved(tmp_path, with_several_outputs()), Preprocessing(output_name=name))


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ([node("ReduceMean", "l", keepdims=0)], r"shape \(\)"),
        ([node("Unsqueeze", "l middle", "u"), node("Concat", "u u", axis=1)], r"shape \('\?', 2, 3\)"),
    ],
)
def test_other_outputs_are_no_scores(tmp_path: Path, tail: list[NodeProto], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        inspect_onnx(saved(tmp_path, scoring(tail)), Preprocessing())


def test_classes_that_the_file_does_not_tell(tmp_path: Path) -> None:
    """A reshape to a computed shape hides the number of classes from the file's reader, not from a run."""
    tail = [
        node("NonZero", "l", "hits"),
        node("Shape", "hits", "size"),
        node("Sub", "size size", "zeros"),
        node("Shape", "l", "ls"),
        node("Add", "ls zeros", "target"),
        node("Reshape", "l target"),
    ]
    assert inspect_onnx(saved(tmp_path, scoring(tail)), Preprocessing()).num_classes == 3


ONE = some_values(12, 1)


def single(tail: list[NodeProto], output_type: int = TensorProto.FLOAT, **constants: object) -> ModelProto:
    """One logit l (n, 1) of 12 features, then `tail`, from l to y."""
    held = {"w": ONE, "axes": np.array([1]), "one": np.float32(1), **constants}
    return model_of([node("MatMul", "x w", "l"), *tail], ["n", 12], held, output_type=output_type)


WRITTEN_SIGMOID = [
    node("Neg", "l", "n"),
    node("Exp", "n", "e"),
    node("Add", "e one", "a"),
    node("Reciprocal", "a"),
]
SINGLE = {
    "a sigmoid": ([node("Sigmoid", "l")], "probability"),
    "a sigmoid, squeezed": ([node("Sigmoid", "l", "p"), node("Squeeze", "p axes")], "probability"),
    "a sigmoid, squeezed before": ([node("Squeeze", "l axes", "s"), node("Sigmoid", "s")], "probability"),
    "a sigmoid, clipped": ([node("Sigmoid", "l", "p"), node("Clip", "p low one")], "probability"),
    "a sigmoid, written out": (WRITTEN_SIGMOID, "probability"),
    "a logit": ([node("Identity", "l")], "logit"),
    "a logit, squeezed": ([node("Squeeze", "l axes")], "logit"),
}


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_score_stands_for_two_classes(tmp_path: Path, name: str) -> None:
    """Class 1 where the probability is above a half, or the logit above zero; on both copies."""
    tail, kind = SINGLE[name]
    target = load(tmp_path, single(tail, low=np.float32(1e-7)))
    images = torch.rand(40, 12, generator=torch.Generator().manual_seed(0)) * 2 - 1
    logit = images @ torch.from_numpy(ONE)
    probability = torch.sigmoid(logit)
    rows = [1 - probability, probability] if kind == "probability" else [torch.zeros_like(logit), logit]
    torch.testing.assert_close(target.deployed(images), torch.cat(rows, dim=1), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(target.logits(images), torch.cat(rows, dim=1), rtol=1e-5, atol=1e-6)
    assert torch.equal(target.deployed(images).argmax(1), (logit[:, 0] > 0).long())
    assert target.facts.num_classes == 2
    assert target.facts.single == kind
    assert 0 < target.deployed(images).argmax(1).sum() < 40


def test_a_single_probability_in_whole_numbers(tmp_path: Path) -> None:
    """As full-integer converters write it: p = (q + 128) / 256, and class 1 above a half."""
    tail = [node("Sigmoid", "l", "p"), node("QuantizeLinear", "p s z")]
    held = {"s": np.float32(1 / 256), "z": np.int8(-128)}
    target = load(tmp_path, single(tail, TensorProto.INT8, **held))
    images = torch.rand(40, 12, generator=torch.Generator().manual_seed(0)) * 2 - 1
    quantized = (torch.sigmoid(images @ torch.from_numpy(ONE)) * 256).round().clamp(0, 255) / 256
    torch.testing.assert_close(target.deployed(images), torch.cat([1 - quantized, quantized], dim=1))
    torch.testing.assert_close(target.logits(images), target.deployed(images))


def test_scores_are_taken_before_a_single_number(tmp_path: Path) -> None:
    """A confidence that is returned first is no reason to leave the row of scores aside."""
    tail = [node("ReduceMax", "l middle", "top", keepdims=0), node("Neg", "l", "y")]
    model = with_outputs([("top", TensorProto.FLOAT), ("y", TensorProto.FLOAT)], tail)
    target = load(tmp_path, model)
    assert target.facts.num_classes == 3
    assert target.facts.single == ""


def test_a_row_without_its_batch(tmp_path: Path) -> None:
    """A file for one image that returns a vector of scores."""
    tail = [node("Gather", "l zero", "y", axis=0)]
    constants = {"w": WEIGHTS, "zero": np.array(0)}
    model = model_of([node("MatMul", "x w", "l"), *tail], [1, 12], constants)
    target = load(tmp_path, model)
    images = torch.rand(5, 12)
    torch.testing.assert_close(target.deployed(images), images @ torch.from_numpy(WEIGHTS))
    torch.testing.assert_close(target.logits(images), images @ torch.from_numpy(WEIGHTS))


@pytest.mark.parametrize(
    ("kind", "zero"),
    [(TensorProto.INT8, np.int8(-3)), (TensorProto.UINT8, np.uint8(128)), (TensorProto.INT16, np.int16(0))],
)
def test_whole_numbers_of_a_quantizer_are_scores(tmp_path: Path, kind: int, zero: np.generic) -> None:
    tail = [node("QuantizeLinear", "l s z")]
    constants = {"w": WEIGHTS, "s": np.float32(1 / 8), "z": zero}
    model = model_of([node("MatMul", "x w", "l"), *tail], ["n", 12], constants, 21, output_type=kind)
    target = load(tmp_path, model)
    images = torch.rand(6, 12).requires_grad_()
    expected = torch.round(images.detach() @ torch.from_numpy(WEIGHTS) * 8) + int(zero)
    torch.testing.assert_close(target.deployed(images), expected)
    torch.testing.assert_close(target.logits(images.detach()), expected)
    (gradient,) = torch.autograd.grad(target.logits(images)[:, 0].sum(), images)
    torch.testing.assert_close(gradient, torch.from_numpy(WEIGHTS)[:, 0].expand(6, 12) * 8)


@pytest.mark.parametrize("kind", [TensorProto.INT8, TensorProto.INT32, TensorProto.FLOAT])
def test_a_choice_stays_one_in_every_type(tmp_path: Path, kind: int) -> None:
    tail = [node("ArgMax", "l", "label", axis=1, keepdims=1), node("Cast", "label", to=kind)]
    with pytest.raises(ModelError, match="an ArgMax chose"):
        inspect_onnx(saved(tmp_path, scoring(tail, output_type=kind)), Preprocessing())
