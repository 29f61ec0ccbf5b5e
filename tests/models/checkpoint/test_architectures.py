"""What may be named as an architecture, and what a card cannot have called."""

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
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "usernet.py").write_text(USER_CODE)
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
        ("os:system", "neither a class of networks"),
        ("usernet:system", "neither a class of networks"),
        ("builtins:eval", "neither a class of networks"),
        ("subprocess:Popen", "neither a class of networks"),
        ("torch:load", "neither a class of networks"),
        ("numpy:load", "neither a class of networks"),
    ],
)
def test_names_that_are_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        resolve_architecture(name, {"width": 3}, BUILTIN)
    assert "\n" not in str(caught.value)
