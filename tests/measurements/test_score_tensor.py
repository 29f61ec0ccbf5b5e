"""The tensor that attacks climb: found behind every tail, and never one that only resembles the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper
from torch import fx, nn

from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import ErrorSignal, Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.measurements.score_tensor import agreement, rescored
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.models.score_tensor.network import unjudged
from tests.onnx_import.building import model_of, node, some_values
from tests.toy import linear_target, target_of

CLASSES, FEATURES = 4, 12
THREAT = Threat(Norm.LINF, 0.2)
GENERATOR = np.random.default_rng(0)
WEIGHTS = GENERATOR.normal(size=(FEATURES, CLASSES)).astype(np.float32)
WEIGHTS -= WEIGHTS.mean(axis=0)
IMAGES = torch.from_numpy(GENERATOR.uniform(size=(80, FEATURES)).astype(np.float32))
SOFTMAX = [node("Softmax", "l", "p", axis=-1)]
BITS = {"s": np.float32(1 / 255), "z": np.uint8(0)}
Q, DQ = node("QuantizeLinear", "p s z", "q"), node("DequantizeLinear", "q s z", "y")


def open_model(
    folder: Path,
    tail: Sequence[NodeProto],
    constants: Mapping[str, NDArray[Any]] | None = None,
    output: int = TensorProto.FLOAT,
    opsets: Sequence[tuple[str, int]] = (),
) -> Target:
    """x (n, 12) -> l (n, 4), linear, and then the tail to y."""
    held = {"w": WEIGHTS, **(constants or {})}
    model: ModelProto = model_of([node("MatMul", "x w", "l"), *tail], ["n", FEATURES], held, output_type=output)
    model.opset_import.extend(helper.make_opsetid(*entry) for entry in opsets)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))


def two_columns(folder: Path, order: str) -> tuple[Target, torch.Tensor]:
    """A network with the output (1 - p, p), or (p, 1 - p), of one probability p behind a saturated sigmoid; its logits (n,)."""
    nodes = [
        node("MatMul", "l pair", "z"),
        node("Sigmoid", "z", "p"),
        node("Sub", "one p", "rest"),
        node("Concat", order, "c", axis=1),
        node("QuantizeLinear", "c s z0", "q"),
        node("DequantizeLinear", "q s z0", "y"),
    ]
    constants = {"pair": np.float32([[60], [0], [-60], [0]]), "one": np.float32(1)}
    target = open_model(folder, nodes, {**constants, "s": np.float32(1 / 255), "z0": np.uint8(0)})
    logits = IMAGES @ torch.from_numpy(WEIGHTS)
    return target, 60 * (logits[:, 0] - logits[:, 2])


def contrib(op: str, inputs: str, made: str, **settings: Any) -> NodeProto:
    return helper.make_node(op, inputs.split(), [made], domain="com.microsoft", **settings)


WRITTEN = [
    node("ReduceMax", "l a", "m", keepdims=1),
    node("Sub", "l m", "d"),
    node("Exp", "d", "e"),
    node("ReduceSum", "e a", "t", keepdims=1),
    node("Div", "e t", "p"),
]
HALF = [
    node("Cast", "l", "h", to=TensorProto.FLOAT16),
    node("Softmax", "h", "g", axis=-1),
    node("Cast", "g", "y", to=TensorProto.FLOAT),
]
MICROSOFT = (("com.microsoft", 1),)
CLIP = {"low": np.float32(1e-7), "high": np.float32(1)}
QLINEAR = {"u": np.float32(0.05), "v": np.int8(0), "s": np.float32(1 / 256), "o": np.int8(-128)}

TAILS: dict[str, tuple[Sequence[NodeProto], dict[str, NDArray[Any]]]] = {
    "softmax, 8 bits": ([*SOFTMAX, Q, DQ], BITS),
    "softmax, percent, 8 bits": (
        [*SOFTMAX, node("Mul", "p hundred", "c"), node("QuantizeLinear", "c s z", "q"), DQ],
        {**BITS, "hundred": np.float32(100), "s": np.float32(100 / 255)},
    ),
    "softmax, clip": ([*SOFTMAX, node("Clip", "p low high", "y")], CLIP),
    "softmax in half": (HALF, {}),
    "softmax written out": ([*WRITTEN[:-1], node("Div", "e t", "y")], {"a": np.array([1])}),
    "softmax written out, 8 bits": ([*WRITTEN, Q, DQ], {**BITS, "a": np.array([1])}),
    "sigmoid": ([node("Sigmoid", "l", "y")], {}),
    "sigmoid, 8 bits": ([node("Sigmoid", "l", "p"), Q, DQ], BITS),
    "twice the same head": (
        [*SOFTMAX, node("Concat", "p p", "pp", axis=1), node("Slice", "pp b e a", "y")],
        {"b": np.array([0]), "e": np.array([4]), "a": np.array([1])},
    ),
    "logits in 8 bits, then softmax": (
        [node("QuantizeLinear", "l k v", "c"), node("DequantizeLinear", "c k v", "d"), node("Softmax", "d", axis=-1)],
        {"k": np.float32(0.02), "v": np.int8(0)},
    ),
    "a chain": (
        [node("Softmax", "l", "a1", axis=-1), node("Sqrt", "a1", "a2"), node("Tanh", "a2", "p"), Q, DQ],
        BITS,
    ),
}


@pytest.mark.parametrize("name", TAILS)
def test_the_logits_are_found_behind_a_tail(tmp_path: Path, name: str) -> None:
    target = open_model(tmp_path, *TAILS[name])
    found = rescored(target, IMAGES, THREAT)
    assert found.facts.scores is not None
    assert found.facts.scores.tensor == "l"
    assert found.facts.scores.scale == pytest.approx(1.0, rel=0.02)
    torch.testing.assert_close(
        unjudged(found.network)(IMAGES), IMAGES @ torch.from_numpy(WEIGHTS), rtol=0.02, atol=1e-5
    )


@pytest.mark.parametrize("name", TAILS)
def test_the_output_stays_the_judge(tmp_path: Path, name: str) -> None:
    """On images, on noise, and where the output ties two classes, which it does near every boundary."""
    target = open_model(tmp_path, *TAILS[name])
    found = rescored(target, IMAGES, THREAT)
    ends = IMAGES[:40, None] + torch.linspace(0, 1, 101)[None, :, None] * (IMAGES[40:] - IMAGES[:40])[:, None]
    points = torch.cat([IMAGES, torch.rand(200, FEATURES), ends.flatten(0, 1)])
    assert torch.equal(found.logits(points).argmax(1), target.logits(points).argmax(1))
    assert torch.equal(found.outputs(points), target.logits(points))


def test_quantized_operators_and_their_whole_numbers(tmp_path: Path) -> None:
    tail = [
        node("QuantizeLinear", "l u v", "c"),
        contrib("QLinearSoftmax", "c u v s o", "q", opset=13, axis=-1),
        node("DequantizeLinear", "q s o", "y"),
    ]
    found = rescored(open_model(tmp_path, tail, QLINEAR, opsets=MICROSOFT), IMAGES, THREAT)
    assert found.facts.scores is not None
    assert found.facts.scores.tensor == "l"
    assert found.facts.scores.levels == 256
    assert found.facts.scores.tail == ("QuantizeLinear", "QLinearSoftmax", "DequantizeLinear")


def test_what_an_operator_rounds_by_itself_is_climbed_before_rounding(tmp_path: Path) -> None:
    """QLinearMatMul has no unrounded result in the file; its int8 one clips here at a third of the logits' range."""
    constants = {
        "i": np.float32(1 / 255),
        "iz": np.uint8(0),
        "f": np.float32(1 / 64),
        "fz": np.int8(0),
        "u": np.float32(0.005),
        "v": np.int8(0),
        "k": np.round(WEIGHTS * 32).clip(-127, 127).astype(np.int8),
    }
    tail = [
        node("QuantizeLinear", "x i iz", "xq"),
        node("QLinearMatMul", "xq i iz k f fz u v", "c"),
        node("DequantizeLinear", "c u v", "y"),
    ]
    target = open_model(tmp_path, tail, constants)
    found = rescored(target, IMAGES, THREAT)
    assert found.facts.scores is not None
    assert found.facts.scores.tensor == "c before rounding"
    sums = torch.round(IMAGES * 255) / 255 @ (torch.from_numpy(constants["k"]).float() / 64)
    climbed = unjudged(found.network)(IMAGES)
    torch.testing.assert_close(climbed / climbed.std(), sums / sums.std(), rtol=1e-4, atol=1e-4)
    assert sums.abs().max() > 0.64
    assert target.logits(IMAGES).abs().max() == pytest.approx(0.64)


@pytest.mark.parametrize(
    ("tail", "constants", "expected"),
    [
        pytest.param(
            [node("Relu", "l", "r"), node("MatMul", "r w2", "m"), node("Softmax", "m", "p", axis=-1), Q, DQ],
            {"w2": (np.eye(4) + 0.5 * some_values(4, 4)).astype(np.float32)},
            "m",
            id="an earlier layer of as many units",
        ),
        pytest.param([node("Neg", "l", "m"), node("Softmax", "m", "p", axis=-1), Q, DQ], {}, "m", id="negated"),
        pytest.param(
            [node("Gather", "l order", "m", axis=1), node("Softmax", "m", "p", axis=-1), Q, DQ],
            {"order": np.array([2, 0, 3, 1])},
            "m",
            id="permuted",
        ),
        pytest.param(
            [node("Add", "l bias", "m"), node("Softmax", "m", "p", axis=-1), Q, DQ],
            {"bias": np.float32([0.05, 0, 0, -0.05])},
            "m",
            id="without its bias",
        ),
        pytest.param(
            [node("Mul", "l gains", "m"), node("Softmax", "m", "p", axis=-1), Q, DQ],
            {"gains": np.float32([1.0, 1.1, 0.9, 1.0])},
            "m",
            id="a gain for each class",
        ),
    ],
)
def test_what_only_resembles_the_scores_is_rejected(
    tmp_path: Path, tail: list[NodeProto], constants: dict[str, NDArray[Any]], expected: str
) -> None:
    found = rescored(open_model(tmp_path, tail, {**BITS, **constants}), IMAGES, THREAT)
    assert found.facts.scores is not None
    assert found.facts.scores.tensor == expected
    assert "l" in found.facts.scores.rejected


def test_agreement_on_the_sample_alone_is_not_enough(tmp_path: Path) -> None:
    """Beyond 1.05 a feature adds to a class, which no image of the sample shows and the ball does."""
    tail = [
        node("Sub", "x edge", "over"),
        node("Relu", "over", "bump"),
        node("MatMul", "bump v", "extra"),
        node("Add", "l extra", "m"),
        node("Softmax", "m", "p", axis=-1),
        Q,
        DQ,
    ]
    constants = {**BITS, "edge": np.float32(0.85), "v": (30 * some_values(FEATURES, 4)).astype(np.float32)}
    images = IMAGES * 0.85
    target = open_model(tmp_path, tail, constants)
    logits = images @ torch.from_numpy(WEIGHTS)
    assert torch.equal(target.logits(images).argmax(1), logits.argmax(1))
    found = rescored(target, images, THREAT)
    assert found.facts.scores is not None
    assert found.facts.scores.tensor == "m"


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param([node("Identity", "l")], id="logits"),
        pytest.param([node("Mul", "l w3")], id="scaled"),
        pytest.param([node("Softmax", "l", axis=-1)], id="softmax, taken off by the importer"),
    ],
)
def test_a_network_that_hides_nothing_is_left_alone(tmp_path: Path, tail: list[NodeProto]) -> None:
    target = open_model(tmp_path, tail, {"w3": np.float32(1000)})
    assert rescored(target, IMAGES, THREAT) is target


def test_a_network_that_always_gives_the_same_answer_tells_nothing(tmp_path: Path) -> None:
    tail = [node("Add", "l bias", "m"), node("Softmax", "m", "p", axis=-1), Q, DQ]
    target = open_model(tmp_path, tail, {**BITS, "bias": np.float32([100, 0, 0, 0])})
    assert rescored(target, IMAGES, THREAT) is target


def test_other_networks_are_left_alone() -> None:
    target = linear_target(torch.eye(3), torch.zeros(3))
    assert rescored(target, torch.rand(5, 3), THREAT) is target


def test_a_gain_in_the_tail_is_kept(tmp_path: Path) -> None:
    """Attacks are given the scores at the scale of the last tensor that is a multiple of the one they climb."""
    tail = [
        node("QuantizeLinear", "l k v", "c"),
        node("DequantizeLinear", "c k v", "d"),
        node("Mul", "d gain", "m"),
        node("Softmax", "m", "p", axis=-1),
        Q,
        DQ,
    ]
    constants = {**BITS, "k": np.float32(0.05), "v": np.int8(0), "gain": np.float32(60)}
    found = rescored(open_model(tmp_path, tail, constants), IMAGES, THREAT)
    assert found.facts.scores is not None
    assert found.facts.scores.tensor == "l"
    assert found.facts.scores.scale == pytest.approx(60, rel=0.01)


def test_whole_scores_are_climbed_in_their_own_unit(tmp_path: Path) -> None:
    tail = [node("QuantizeLinear", "l k v", "y")]
    constants = {"k": np.float32(1 / 16), "v": np.int8(3)}
    target = open_model(tmp_path, tail, constants, TensorProto.INT8)
    logits = IMAGES @ torch.from_numpy(WEIGHTS)
    expected = torch.round(logits * 16).clamp(-131, 124) + 3
    torch.testing.assert_close(target.deployed(IMAGES), expected)
    torch.testing.assert_close(target.logits(IMAGES), expected)
    found = rescored(target, IMAGES, THREAT)
    assert found.facts.scores is not None
    assert found.facts.scores.scale == pytest.approx(1.0, rel=0.01)


def test_a_mean_of_softmaxes_is_climbed_by_its_logarithm(tmp_path: Path) -> None:
    tail = [
        node("MatMul", "x w2", "l2"),
        *SOFTMAX,
        node("Softmax", "l2", "p2", axis=-1),
        node("Add", "p p2", "both"),
        node("Mul", "both half", "y"),
    ]
    constants = {"w2": 40 * np.roll(WEIGHTS, 1, axis=0), "half": np.float32(0.5)}
    target = open_model(tmp_path, tail, constants)
    found = rescored(target, IMAGES, THREAT)
    assert found.facts.scores is not None
    assert found.facts.scores.logarithm
    logits = [(IMAGES @ torch.from_numpy(weights)).double() for weights in (WEIGHTS, constants["w2"])]
    exact = torch.logsumexp(torch.stack([part.log_softmax(1) for part in logits]), dim=0) - np.log(2)
    climbed = unjudged(found.network)(IMAGES).double()
    torch.testing.assert_close(climbed, exact, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("order", "positive"), [("rest p", 1), ("p rest", 0)])
def test_two_columns_of_one_number_are_climbed_at_that_number(tmp_path: Path, order: str, positive: int) -> None:
    target, logits = two_columns(tmp_path, order)
    found = rescored(target, IMAGES, THREAT)
    scores = found.facts.scores
    assert scores is not None
    assert (scores.tensor, scores.single) == ("z", True)
    assert "its sign tells" in scores.why
    assert "z" not in scores.rejected
    climbed = unjudged(found.network)(IMAGES)
    torch.testing.assert_close(climbed[:, positive] - climbed[:, 1 - positive], logits, rtol=1e-4, atol=1e-3)
    assert torch.equal(found.logits(IMAGES).argmax(1), target.logits(IMAGES).argmax(1))


@pytest.mark.parametrize(
    "combined",
    [
        pytest.param([node("Mul", "p p2", "y")], id="product"),
        pytest.param([node("Mul", "p p2", "both"), node("Sqrt", "both", "y")], id="geometric mean"),
    ],
)
def test_products_of_probabilities_are_climbed_by_their_logarithm(tmp_path: Path, combined: list[NodeProto]) -> None:
    """Their sums are not the same for all images, which alone would tell probabilities."""
    tail = [node("MatMul", "x w2", "l2"), *SOFTMAX, node("Softmax", "l2", "p2", axis=-1), *combined]
    w2 = 40 * np.roll(WEIGHTS, 1, axis=0)
    found = rescored(open_model(tmp_path, tail, {"w2": w2}), IMAGES, THREAT)
    assert found.facts.scores is not None
    assert found.facts.scores.logarithm
    exact = sum((IMAGES @ torch.from_numpy(weights)).double().log_softmax(1) for weights in (WEIGHTS, w2))
    climbed = unjudged(found.network)(IMAGES).double()
    torch.testing.assert_close(climbed, exact, rtol=1e-3, atol=1e-3)


def test_probabilities_that_are_subtracted_have_no_logarithm(tmp_path: Path) -> None:
    """The class of the smallest probability wins: rows of -p add up to -1, and are no probabilities."""
    found = rescored(open_model(tmp_path, [*SOFTMAX, node("Neg", "p", "y")]), IMAGES, THREAT)
    assert found.facts.scores is None


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param([node("Round", "c", "r"), node("Cast", "r", "y", to=TensorProto.UINT8)], id="rounded"),
        pytest.param([node("Cast", "c", "y", to=TensorProto.UINT8)], id="cut off"),
        pytest.param([node("Cast", "c", "i", to=TensorProto.INT32), node("Reshape", "i sh", "y")], id="reshaped"),
    ],
)
def test_scores_that_are_cast_to_whole_numbers_at_last(tmp_path: Path, tail: list[NodeProto]) -> None:
    whole = TensorProto.INT32 if tail[-1].op_type == "Reshape" else TensorProto.UINT8
    constants = {"hundred": np.float32(100), "sh": np.array([-1, CLASSES])}
    target = open_model(tmp_path, [*SOFTMAX, node("Mul", "p hundred", "c"), *tail], constants, whole)
    assert torch.equal(target.logits(IMAGES), target.deployed(IMAGES))
    points = IMAGES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(target.logits(points)[:, 0].sum(), points)
    assert bool(gradient.any(dim=1).all())
    found = rescored(target, IMAGES, THREAT)
    assert found.facts.scores is not None
    assert found.facts.scores.tensor == "l"
    assert "Cast" in found.facts.scores.tail


def test_an_attack_goes_on_where_the_output_is_tied(tmp_path: Path) -> None:
    """Scores in units of 1: a lead of half a unit is a tie that the true class, of the lower number, wins.

    Every success of an attack on the climbed tensor fools the file itself.
    """
    tail = [node("QuantizeLinear", "l k v", "c"), node("DequantizeLinear", "c k v", "y")]
    target = open_model(tmp_path, tail, {"k": np.float32(0.5), "v": np.int8(0)})
    found = rescored(target, IMAGES, THREAT)
    labels = target.deployed(IMAGES).argmax(1)
    batch = Batch(IMAGES, labels, torch.arange(len(IMAGES)))
    settings = Pgd(steps=20, error_signal=ErrorSignal.EXACT)

    def broken(attacked: Target) -> tuple[torch.Tensor, torch.Tensor]:
        outcome = run_attack(settings, attacked, batch, THREAT, 0)
        return outcome.fooled, target.deployed(outcome.images).argmax(1) != labels

    claimed, real = broken(found)
    assert torch.equal(claimed, real)
    bare_claimed, bare_real = broken(replace(found, network=unjudged(found.network)))
    assert (bare_claimed & ~bare_real).any()
    assert real.sum() > bare_real.sum()


def test_tied_outputs_allow_every_class_that_they_tie() -> None:
    tensor = torch.tensor([[3.0, 2.0, 1.0], [2.0, 3.0, 1.0], [1.0, 2.0, 3.0]])
    output = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    agreeing, tied = agreement(torch.stack([tensor, output], dim=1))
    assert agreeing[:, 0].tolist() == [True, True, False]
    assert tied.tolist() == [False, True, True]


class Levels(nn.Module):
    """Rounding to multiples of 1/255 with the gradient passed straight through."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values + ((values * 255).round() / 255 - values).detach()


def test_a_traced_module_is_searched_as_well() -> None:
    """A graph that comes from no file: the tensors have the names of its calls."""
    network = nn.Sequential(nn.Linear(FEATURES, CLASSES), nn.Softmax(dim=1), Levels())
    with torch.no_grad():
        network[0].weight.copy_(torch.from_numpy(WEIGHTS.T))
        network[0].bias.fill_(0.1)
    target = target_of(fx.GraphModule(network, fx.Tracer().trace(network)), (FEATURES,), CLASSES)
    found = rescored(target, IMAGES, THREAT)
    assert found.facts.scores is not None
    assert (found.facts.scores.tensor, found.facts.scores.operator) == ("_0", "Linear")
    assert found.facts.scores.tail[0] == "Softmax"
    torch.testing.assert_close(unjudged(found.network)(IMAGES), IMAGES @ torch.from_numpy(WEIGHTS) + 0.1)
    assert torch.equal(found.logits(IMAGES).argmax(1), target.logits(IMAGES).argmax(1))


def test_rounded_scores_are_at_hand_where_quantizers_round_them(tmp_path: Path) -> None:
    """The last multiple of the tensor, at its own scale: what stands before the softmax, in steps of the quantizer."""
    tail = [node("QuantizeLinear", "l k v", "c"), node("DequantizeLinear", "c k v", "d")]
    tail += [node("Softmax", "d", "p", axis=-1), Q, DQ]
    found = rescored(open_model(tmp_path, tail, {**BITS, "k": np.float32(0.05), "v": np.int8(0)}), IMAGES, THREAT)
    assert found.rounded is not None
    logits = IMAGES @ torch.from_numpy(WEIGHTS)
    torch.testing.assert_close(unjudged(found.rounded)(IMAGES), torch.round(logits / 0.05) * 0.05)
    assert torch.equal(found.rounded(IMAGES).argmax(1), found.outputs(IMAGES).argmax(1))
    assert rescored(open_model(tmp_path, [*SOFTMAX, Q, DQ], BITS), IMAGES, THREAT).rounded is None
