"""One step against the same step written out, and what an epoch's figures are."""

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bnnaudit.zoo.train.arithmetic import Arithmetic
from bnnaudit.zoo.train.descent import Course, descend, distilled, starting_state
from bnnaudit.zoo.train.images import Images, Split, as_inputs
from bnnaudit.zoo.train.recipes import build_network
from bnnaudit.zoo.train.state import State
from bnnaudit.zoo.train.tables import Recipe

EXACT = Arithmetic(torch.float64, False, torch.device("cpu"), False)


class Quiet:
    """Told nothing of interest."""

    def planned(self, steps: int) -> None:
        self.steps = steps

    def stepped(self, state: State) -> None: ...

    def judged(self, state: State) -> None: ...


def random_split(train: int, test: int = 4, validation: int = 0) -> Split:
    draw = np.random.default_rng(0)

    def part(count: int) -> Images:
        return Images(draw.integers(0, 256, (count, 4, 4), dtype=np.uint8), draw.integers(0, 3, count))

    return Split(part(train), part(test), 3, False, "", part(validation) if validation else None)


def recipe(**training: Any) -> Recipe:
    tables = {name: training.pop(name) for name in ("adversarial", "distillation", "data") if name in training}
    options = {"in_features": 16, "hidden": [5], "classes": 3}
    return Recipe.model_validate(
        {
            "name": "net",
            "description": "",
            "architecture": {"name": "mlp", "options": options},
            "training": {"epochs": 1, "batch_size": 4, "schedule": "constant", **training},
            "card": {"eps": 0.1},
            **tables,
        }
    )


def course(made: Recipe, split: Split, teacher: Any = None) -> tuple[State, Course]:
    torch.manual_seed(0)
    whole = Course(made, split, EXACT, teacher)
    return starting_state(build_network(made).double(), whole), whole


def one_step_by_hand(
    network: nn.Module, split: Split, optimizer: torch.optim.Optimizer, smoothing: float, mean: float, std: float
) -> nn.Module:
    order = torch.randperm(4, generator=torch.Generator().manual_seed(0)).numpy()
    images = (as_inputs(split.train.read(order)).double() - mean) / std
    labels = torch.from_numpy(split.train.y[order])
    network.train()
    logs = torch.log_softmax(network(images), dim=1)
    likely = logs[range(4), labels]
    loss = -((1 - smoothing) * likely + smoothing * logs.mean(dim=1)).mean()
    loss.backward()
    optimizer.step()
    return network


def test_a_step_of_sgd_with_normalised_images_and_smoothed_labels() -> None:
    split = random_split(4)
    made = recipe(
        optimizer="sgd", learning_rate=0.1, label_smoothing=0.2, data={"source": "x.npz", "mean": [0.4], "std": [0.3]}
    )
    state, whole = course(made, split)
    twin = copy.deepcopy(state.network)
    descend(state, whole, Quiet())
    one_step_by_hand(twin, split, torch.optim.SGD(twin.parameters(), 0.1), 0.2, 0.4, 0.3)
    for found, wanted in zip(state.network.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=2**-13, atol=1e-9)


def test_weights_alone_decay_where_the_recipe_says_so() -> None:
    """With a gradient of nothing, AdamW multiplies what decays by 1 - rate * decay."""
    for decayed, factors in (("all", {0.95}), ("weights", {0.95, 1.0})):
        state, _ = course(
            recipe(optimizer="adamw", learning_rate=0.1, weight_decay=0.5, decayed=decayed), random_split(4)
        )
        before = [parameter.detach().clone() for parameter in state.network.parameters()]
        for parameter in state.network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        state.optimizer.step()
        found = set()
        for parameter, was in zip(state.network.parameters(), before, strict=True):
            factor = 1.0 if torch.equal(parameter, was) and parameter.dim() == 1 and decayed == "weights" else 0.95
            torch.testing.assert_close(parameter.detach(), was * factor)
            found.add(factor)
        assert found == factors


def test_the_figures_of_an_epoch() -> None:
    split = random_split(9)
    state, whole = course(recipe(epochs=2, optimizer="sgd", learning_rate=1e-9), split)
    quiet = Quiet()
    descend(state, whole, quiet)
    assert quiet.steps == 4  # nine images: two batches of four, and one image that is left out
    assert [row.epoch for row in state.figures] == [1, 2]
    with torch.no_grad():
        right = state.network.eval().float()(as_inputs(split.test.read(np.arange(4)))).argmax(1).numpy() == split.test.y
    assert state.figures[1].test_accuracy == right.mean()
    assert state.figures[1].validation_accuracy is None
    assert 0 <= state.figures[1].train_accuracy <= 1
    assert state.figures[1].loss == pytest.approx(state.figures[0].loss, abs=0.5)


def test_early_ending_keeps_the_best() -> None:
    """A rate that wrecks the network: the accuracy on validation images falls after some epoch, and training ends."""
    split = random_split(40, validation=30)
    made = recipe(epochs=50, optimizer="sgd", learning_rate=3.0, patience=2, data={"source": "x.npz", "validation": 30})
    state, whole = course(made, split)
    descend(state, whole, Quiet())
    accuracies = [row.validation_accuracy for row in state.figures]
    assert state.best is not None
    assert len(accuracies) < 50
    assert state.best.accuracy == max(accuracies)
    assert accuracies.index(state.best.accuracy) == state.best.epoch - 1
    assert len(accuracies) == state.best.epoch + 2


def test_early_ending_needs_images_to_judge_by() -> None:
    with pytest.raises(ValueError, match=r"patience needs data\.validation"):
        recipe(patience=2)


def test_distillation_against_the_formula() -> None:
    """Two classes at T = 2: T^2 (p log(p / q) + (1 - p) log((1 - p) / (1 - q)))."""
    taught, scores = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    p, q = 1 / (1 + math.exp(-1.0)), 1 / (1 + math.exp(0.5))
    wanted = 4 * (p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q)))
    assert float(distilled(scores, taught, 2.0)) == pytest.approx(wanted, rel=1e-5)


def test_a_teacher_is_imitated() -> None:
    """With the whole weight on the teacher, whose answers the labels contradict."""
    split = random_split(40)
    made = recipe(
        epochs=60,
        learning_rate=0.05,
        optimizer="adam",
        distillation={"teacher": "t.toml", "temperature": 1.0, "weight": 1.0},
    )
    wanted = torch.tensor([3.0, 0.0, -3.0]).double()
    state, whole = course(made, split, lambda images: wanted.expand(len(images), 3))
    descend(state, whole, Quiet())
    scores = state.network.eval()(as_inputs(split.train.read(np.arange(40))).double())
    assert (scores.argmax(dim=1) == 0).all()
    assert state.figures[-1].loss < 0.02


def test_adversarial_training_trains_on_other_images() -> None:
    split = random_split(8)
    plain, attacked = (
        course(recipe(optimizer="sgd", learning_rate=0.1, **table), split)
        for table in ({}, {"adversarial": {"eps": "8/255", "steps": 2, "step_size": "4/255", "beta": "njs"}})
    )
    for state, whole in (plain, attacked):
        descend(state, whole, Quiet())
    assert attacked[0].figures[0].loss > plain[0].figures[0].loss
