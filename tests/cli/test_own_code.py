"""Every command on a checkpoint whose code cuts the gradient off, or hides its steps from everybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bnnaudit import api as library
from tests.cli.conftest import Ran
from tests.cli.own_code import CutOff
from tests.networks.checkpoints import write_checkpoint

Command = Callable[..., Ran]
COMMANDS = (
    ("inspect",),
    ("attack", "--method", "pgd", "--steps", "5"),
    ("attack", "--method", "auto", "--budget", "60"),
    ("attack", "--method", "transfer", "--steps", "3"),
    ("sweep", "--over", "iterations", "--values", "1,2"),
    ("signal",),
    ("clever", "--draws", "4", "--batches", "5"),
    ("check", "--effort", "standard"),
    ("reproduce", "table5", "--samples", "12"),
    ("reproduce", "table11", "--samples", "3"),
    ("reproduce", "table13", "--samples", "12"),
)
CARD = """
[architecture]
name = "tests.cli.own_code:{name}"
input_shape = [1, 4, 4]
[data]
source = "{data}"
samples = 12
[threat]
eps = 0.2
"""


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return write_checkpoint(CutOff(), tmp_path / "weights.safetensors")


def carded(weights: Path, data: Path, name: str) -> Path:
    """The weights beside a card that names their network."""
    weights.with_suffix(".toml").write_text(CARD.format(name=name, data=data), encoding="utf-8")
    return weights


@pytest.mark.parametrize("name", ["CutOff", "InNumpy", "ZeroBackward"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_ends_in_a_fault(
    bnnaudit: Command, weights: Path, data: Path, command: tuple[str, ...], name: str
) -> None:
    model = carded(weights, data, name)
    quiet = () if command[0] == "inspect" else ("--quiet",)
    named = (*command, "--model", model) if command[0] == "reproduce" else (command[0], model, *command[1:])
    ran = bnnaudit(*named, "--trust-card", *quiet)
    assert ran.err == ""
    assert ran.code == 0 or command[0] == "check"
    assert ran.out


def report(bnnaudit: Command, weights: Path, data: Path, name: str, *command: object) -> dict[str, object]:
    ran = bnnaudit(command[0], carded(weights, data, name), *command[1:], "--trust-card", "--quiet", "--format", "json")
    document: dict[str, object] = json.loads(ran.out)
    return document


def codes(document: dict[str, object]) -> set[str]:
    return {finding["rule"] for finding in document["findings"]}  # type: ignore[index, attr-defined]


def timeless(document: dict[str, object]) -> dict[str, object]:
    """The document with the times of its attacks taken away."""
    for row in document["attacks"]:  # type: ignore[attr-defined]
        row.pop("seconds")
    return document


def test_attack_finds_what_it_finds_where_nothing_is_cut_off(bnnaudit: Command, weights: Path, data: Path) -> None:
    command = ("attack", "--method", "auto", "--budget", "60")
    cut, plain = (report(bnnaudit, weights, data, name, *command) for name in ("CutOff", "Plain"))
    assert cut["attacks"][0]["adversarial_accuracy"] == plain["attacks"][0]["adversarial_accuracy"]  # type: ignore[index]
    assert cut["model"]["nondifferentiable"] == plain["model"]["nondifferentiable"] == [{"op": "sign", "count": 1}]  # type: ignore[index]
    assert "SP214" in codes(cut)
    assert "SP214" not in codes(plain)
    assert cut["model"]["gradient"]["dead_as_written"]  # type: ignore[index]


@pytest.mark.parametrize(
    "command",
    [
        ("attack", "--steps", "3"),
        ("attack", "--method", "transfer", "--steps", "3"),
        ("sweep", "--over", "iterations", "--values", "1,2"),
        ("signal",),
        ("check", "--effort", "quick"),
    ],
    ids=" ".join,
)
def test_every_command_finds_the_same_however_the_gradient_is_cut_off(
    bnnaudit: Command, weights: Path, data: Path, command: tuple[str, ...]
) -> None:
    """What is taken of a tensor's data leaves no trace that it was cut off there, but is attacked all the same."""
    names = ("CutOff", "Detached", "ZeroBackward", "OfData")
    found = [timeless(report(bnnaudit, weights, data, name, *command)) for name in names]
    assert [codes(document) for document in found] == [{*codes(found[0]), "SP214"}] * 3 + [codes(found[0]) - {"SP214"}]
    assert all(document["attacks"] == found[0]["attacks"] for document in found)


@pytest.mark.parametrize("command", [("attack",), ("check", "--effort", "quick")])
def test_what_cannot_be_seen_is_unknown_and_warned_of(
    bnnaudit: Command, weights: Path, data: Path, command: tuple[str, ...]
) -> None:
    document = report(bnnaudit, weights, data, "InNumpy", *command)
    assert "SP215" in codes(document)
    gradient = document["model"]["gradient"]  # type: ignore[index]
    assert not gradient["steps_known"]
    assert gradient["dead"]
    assert gradient["why"] == "it leaves PyTorch for NumPy"
    assert document["model"]["bits"]["activations"] is None  # type: ignore[index]
    text = bnnaudit(command[0], weights, *command[1:], "--trust-card", "--verbose").out
    assert "non-differentiable steps unknown" in text
    assert "no non-differentiable step" not in text


def test_the_strength_test_of_a_cut_off_network_is_an_answer(bnnaudit: Command, weights: Path, data: Path) -> None:
    document = report(bnnaudit, weights, data, "InNumpy", "check", "--effort", "standard")
    assert document["faults"] == []


def test_programs_get_the_same_treatment(weights: Path, data: Path) -> None:
    target = library.load_target(carded(weights, data, "CutOff"), {"policy": {"trust_cards": True}})
    points = torch.rand(3, 1, 4, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(target.logits(points)[:, 0].sum(), points)
    assert gradient.any()
