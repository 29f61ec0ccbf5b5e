"""What may be named as an architecture, and what its code cannot do to the program."""

import sys
from pathlib import Path

import pytest
from torch import nn

from bnnaudit.core.errors import UsageError
from bnnaudit.models.checkpoint.architectures import resolve_architecture


def linear(width: int) -> nn.Module:
    return nn.Linear(width, 2)


BUILTIN = {"linear": linear}

USER_CODE = """
import os
from os import system
from torch import nn

class Net(nn.Linear):
    pass

def build(width):
    return Net(width, 2)

def text(width):
    return "net"

def broken(width):
    raise ValueError("first\\nsecond")

def leave(width):
    raise SystemExit(0)

class Ended(BaseException):
    pass

def own_end(width):
    raise Ended

def interrupted(width):
    raise KeyboardInterrupt

def __getattr__(name):
    if name == "odd":
        raise ValueError("no odd")
    raise AttributeError(name)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "usernet.py").write_text(USER_CODE)
    (tmp_path / "leaving.py").write_text("raise SystemExit(0)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "usernet", raising=False)
    return tmp_path


def test_a_built_in_name_with_its_options() -> None:
    network = resolve_architecture("linear", {"width": 3}, BUILTIN)
    assert isinstance(network, nn.Linear)
    assert network.in_features == 3


@pytest.mark.usefixtures("here")
def test_code_in_the_current_folder_and_the_search_path_left_as_it_was() -> None:
    before = list(sys.path)
    assert type(resolve_architecture("usernet:build", {"width": 3}, BUILTIN)).__name__ == "Net"
    assert type(resolve_architecture("usernet:Net", {"in_features": 3, "out_features": 2}, {})).__name__ == "Net"
    assert sys.path == before


def test_installed_functions_that_say_they_build_networks() -> None:
    network = resolve_architecture("torchvision.models:resnet18", {"num_classes": 5}, {})
    assert type(network).__name__ == "ResNet"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("linaer", "did you mean linear"),
        ("usernet:nothing", "no callable 'nothing'"),
        ("usernet:text", "returned a str"),
        ("usernet:broken", "failed: ValueError: first second"),
        ("no.such.module:Net", "cannot be imported"),
        ("usernet:", "not of the form"),
        ("usernet:leave", "failed: SystemExit: 0"),
        ("usernet:own_end", "failed: Ended: Ended"),
        ("usernet:odd", r"cannot be imported: ValueError: no odd"),
        ("leaving:Net", "leaving cannot be imported: SystemExit: 0"),
        ("pip:main", "an installed tool"),
        ("pytest:main", "an installed tool"),
        ("setuptools:setup", "an installed tool"),
        ("os:system", "standard library"),
        ("usernet:system", "neither a class of networks"),
        ("builtins:eval", "standard library"),
        ("bnnaudit.cli.main:run", "bnnaudit itself"),
        ("torch:load", "neither a class of networks"),
        ("numpy:load", "an installed tool"),
    ],
)
def test_names_that_are_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        resolve_architecture(name, {"width": 3}, BUILTIN)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("here")
def test_an_interrupt_stays_one() -> None:
    with pytest.raises(KeyboardInterrupt):
        resolve_architecture("usernet:interrupted", {"width": 3}, BUILTIN)
