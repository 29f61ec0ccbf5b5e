"""Cards from strangers at the command line: one line, exit code 2, and nothing run, made or fetched."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import typer
from torch import nn

from bnnaudit import api as library
from bnnaudit.core.errors import AuditError
from tests.cli.conftest import Ran
from tests.networks.checkpoints import write_checkpoint

Bnnaudit = Callable[..., Ran]
PACKAGE = 'from pathlib import Path\nPath(__file__).with_name("ran").touch()\n'
COMMANDS = (("check",), ("inspect",), ("attack",), ("signal",), ("clever",), ("sweep", "--over", "iterations"))
MLP = '[architecture]\nname = "mlp"\n'
CARDS = {
    "its own program": (
        '[architecture]\nname = "bnnaudit.cli.main:run"\noptions = {{ arguments = ["explain", "-o", "{out}"] }}',
        "bnnaudit itself",
    ),
    "venv": ('[architecture]\nname = "venv.__main__:x"', "standard library"),
    "a package beside the card": ('[architecture]\nname = "evil_beside:Net"', "--arch evil_beside:Net "),
    "weights to fetch": (
        '[architecture]\nname = "torchvision.models:resnet18"\noptions = {{ weights = "DEFAULT" }}',
        "--arch torchvision.models:resnet18 ",
    ),
    "a callable that exits": ('[architecture]\nname = "sys:exit"', "standard library"),
    "the whole disk": ('[data]\nsource = "/"\n' + MLP, "data.source: / is outside"),
    "a data set to download": ('[data]\nsource = "MNIST"\nroot = "{out}"\n' + MLP, "--data-root"),
    "a model elsewhere": (
        '[data]\nsource = "x.npz"\n[substitute]\nmodel = "/other.onnx"\n' + MLP,
        "substitute.model: /other.onnx is outside",
    ),
    "trust in itself": (
        '[policy]\ntrust_cards = true\n[architecture]\nname = "evil_beside:Net"',
        "policy.trust_cards: only the project's",
    ),
    "signs that steer a terminal": ('[data]\n"\\u001b[31m\\u202e" = 1', "unknown key"),
    "a very long name": ('[architecture]\nname = "' + "n" * 9000 + ':Net"', "--arch nnn"),
    "a very long key": ("[data]\n" + "k" * 9000 + " = 1", "unknown key"),
    "a very long value": ('[threat]\nnorm = "' + "n" * 9000 + '"', "threat.norm"),
    "nobody's home": ('[data]\nsource = "~nosuchuser/x"', "no such file"),
    "a very long path": ('[data]\nsource = "/' + "n" * 9000 + '"', "data.source: /nnn"),
}


@pytest.fixture
def weights(tmp_path: Path) -> Iterator[Path]:
    """A checkpoint in a folder of its own, with a package beside it."""
    folder = tmp_path / "downloaded"
    folder.mkdir()
    (folder / "evil_beside.py").write_text(PACKAGE)
    torch.manual_seed(0)
    yield write_checkpoint(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), folder / "m.safetensors")
    assert "evil_beside" not in sys.modules
    assert not (folder / "ran").exists()


def refused(ran: Ran) -> str:
    assert (ran.code, ran.out) == (2, ""), ran
    assert len(ran.err.splitlines()) == 1
    assert ran.err[:-1].isprintable()
    assert len(ran.err) < 1500
    return ran.err


@pytest.mark.parametrize("kind", CARDS)
@pytest.mark.parametrize("here", [False, True])
def test_a_card_has_nothing_done(
    bnnaudit: Bnnaudit, weights: Path, monkeypatch: pytest.MonkeyPatch, kind: str, here: bool
) -> None:
    """Whether the user is in another folder, or in the one that the model was downloaded to."""
    out = weights.with_name("made")
    card, word = CARDS[kind]
    weights.with_suffix(".toml").write_text(card.format(out=out))
    (weights.parent.parent / "work").mkdir()
    monkeypatch.chdir(weights.parent if here else weights.parent.parent / "work")
    before = sorted(weights.parent.iterdir())
    assert word in refused(bnnaudit("check", weights, "--eps", "0.1"))
    assert sorted(weights.parent.iterdir()) == before


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_every_command_tells_the_option_to_add(
    bnnaudit: Bnnaudit, weights: Path, data: Path, command: tuple[str, ...]
) -> None:
    weights.with_suffix(".toml").write_text('[architecture]\nname = "evil_beside:Net"')
    given = () if command[0] == "inspect" else ("--data", data)
    assert "--arch evil_beside:Net " in refused(bnnaudit(command[0], weights, *command[1:], *given))


def test_the_python_interface_is_no_way_round(weights: Path, data: Path) -> None:
    weights.with_suffix(".toml").write_text('[architecture]\nname = "evil_beside:Net"')
    with pytest.raises(AuditError, match="--arch evil_beside:Net"):
        library.load_target(weights)
    with pytest.raises(AuditError, match="--arch evil_beside:Net"):
        library.audit(weights, data)


@pytest.mark.parametrize("name", ["bnnaudit.cli.main:run", "os:system", "pip.__main__:main", "pip:main"])
def test_the_command_line_names_no_tools_either(bnnaudit: Bnnaudit, weights: Path, data: Path, name: str) -> None:
    assert name.partition(":")[0] in refused(bnnaudit("check", weights, "--data", data, "--arch", name))


ENDED = "the network's own code ended the program"


class Leaving(nn.Sequential):
    """A network whose code ends the program when it is called."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(16, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 1, 4, 4) -> (N, 3), never."""
        raise SystemExit(0)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_an_exit_in_a_forward_pass_is_no_pass(
    bnnaudit: Bnnaudit, weights: Path, data: Path, command: tuple[str, ...]
) -> None:
    given = () if command[0] == "inspect" else ("--data", data, "--quiet")
    name = f"{__name__}:Leaving"
    assert ENDED in refused(
        bnnaudit(command[0], weights, *command[1:], *given, "--arch", name, "--input-shape", "1,4,4")
    )


class LeavingLater(Leaving):
    """One that ends the program, Typer's way, once it has been looked at: only the first calls are for that."""

    calls = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 1, 4, 4) -> (N, 3), six times."""
        type(self).calls += 1
        if type(self).calls > 6:
            raise typer.Exit(0)
        return nn.Sequential.forward(self, images)


@pytest.mark.parametrize("command", [("check",), *COMMANDS[2:]], ids=lambda words: words[0])
def test_typers_own_end_is_no_pass_either(
    bnnaudit: Bnnaudit, weights: Path, data: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(LeavingLater, "calls", 0)
    given = ("--data", data, "--quiet", "--arch", f"{__name__}:LeavingLater", "--input-shape", "1,4,4")
    assert ENDED in refused(bnnaudit(command[0], weights, *command[1:], *given))


class Exiting(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Images whose code ends the program."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> object:
        raise SystemExit(0)


@pytest.mark.parametrize(
    "call",
    [
        lambda model: library.audit(model, Exiting(), "0.1"),
        lambda model: library.audit(Leaving(), (torch.rand(4, 1, 4, 4), [0, 1, 2, 0]), "0.1"),
        lambda model: library.load_target(Leaving(), {"preprocessing": {"input_shape": [1, 4, 4]}}),
    ],
)
def test_an_exit_inside_a_call_from_python_is_an_error(call: Callable[[nn.Module], object]) -> None:
    with pytest.raises(AuditError, match="ended the program"):
        call(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)))
