"""Networks cut at a tensor: head and tail together are the network, and the output's class is on top."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.models.score_tensor.network import score_places, unjudged, with_answer
from tests.onnx_import.building import model_of, node, some_values

WEIGHTS = {"w": some_values(12, 3), "s": np.float32(1 / 255), "z": np.uint8(0)}
NODES = [
    node("MatMul", "x w", "l"),
    node("Softmax", "l", "p", axis=-1),
    node("QuantizeLinear", "p s z", "q"),
    node("DequantizeLinear", "q s z", "y"),
]


@pytest.fixture
def target(tmp_path: Path) -> Target:
    path = tmp_path / "model.onnx"
    path.write_bytes(model_of(NODES, ["n", 12], WEIGHTS).SerializeToString())
    return load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))


def test_the_places_are_the_tensors_as_large_as_the_scores_in_their_order(target: Target) -> None:
    places = score_places(target.network, torch.rand(2, 12), 3)
    assert places is not None
    assert [place.note.name for place in places.places] == ["l", "p", "y"]
    assert [place.note.operator for place in places.places] == ["MatMul", "Softmax", "DequantizeLinear"]
    assert [place.note.unit for place in places.places] == [1.0, 1.0, 1.0]
    assert places.graph.tail(places.places[0]) == ("Softmax", "QuantizeLinear", "DequantizeLinear")
    assert places.graph.levels(places.places[0]) == 256
    assert places.graph.levels(places.places[2]) is None


@pytest.mark.parametrize("index", range(3))
def test_head_and_tail_together_are_the_network(target: Target, index: int) -> None:
    places = score_places(target.network, torch.rand(2, 12), 3)
    assert places is not None
    images = torch.rand(9, 12)
    head, tail = places.graph.split(places.places[index])
    climbed, *rest = head(images)
    assert torch.equal(tail(*rest), target.logits(images))
    values = places.everything()(images).reshape(9, 3, 3)
    assert torch.equal(climbed, values[:, index])


def test_the_gradient_is_that_of_the_tensor(target: Target) -> None:
    places = score_places(target.network, torch.rand(2, 12), 3)
    assert places is not None
    network = places.climbing(places.places[0], 5.0)
    images = torch.rand(9, 12).requires_grad_()
    (gradient,) = torch.autograd.grad(network(images)[:, 1].sum(), images)
    torch.testing.assert_close(gradient, 5 * torch.from_numpy(WEIGHTS["w"])[:, 1].expand(9, 12))
    torch.testing.assert_close(unjudged(network)(images), 5 * images @ torch.from_numpy(WEIGHTS["w"]))


def test_the_answer_is_put_on_top_and_nothing_else_is_changed() -> None:
    scores = torch.tensor([[3.0, 2.0, 1.0], [1e6, 1e6, 5.0], [0.0, 0.0, 0.0], [3.0, 2.0, 1.0]])
    answer = torch.tensor([[1], [1], [2], [0]])
    result = with_answer(scores, answer)
    assert torch.equal(result.argmax(1), answer[:, 0])
    kept = torch.ones_like(scores, dtype=torch.bool).scatter(1, answer, False)
    assert torch.equal(result[kept], scores[kept])
    assert torch.equal(result[3], scores[3])
    torch.testing.assert_close(
        result, torch.tensor([[3.0, 3.0, 1.0], [1e6, 1e6, 5.0], [0.0] * 3, [3.0, 2.0, 1.0]]), rtol=2e-5, atol=1e-4
    )


def test_a_network_that_is_no_imported_graph_has_no_places() -> None:
    assert score_places(torch.nn.Linear(3, 3), torch.rand(2, 3), 3) is None
