"""What must not be forgotten when an attack is added: each method has its line everywhere."""

import re
from dataclasses import fields

import pytest

from bnnaudit.attacks.table import METHODS
from bnnaudit.cli import attack_settings, options
from bnnaudit.core.attack import SETTINGS, Climb, Method, settings_of
from bnnaudit.core.threat import Norm, Threat
from tests.paths import ROOT


def test_every_method_has_settings_and_something_that_runs_it() -> None:
    assert set(SETTINGS) == set(METHODS) == set(Method)
    assert all(SETTINGS[method].method is method for method in Method)


def test_the_readme_says_of_every_method_what_it_does() -> None:
    rows = re.findall(r"^\| (`[^|]*`) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert set(attack_settings.METHODS) <= named


@pytest.mark.parametrize("method", Method)
def test_every_method_is_run_by_the_tests_of_its_folder(method: Method) -> None:
    family, settings = METHODS[method].attack.__module__.split(".")[2], SETTINGS[method].__name__
    folder = ROOT / "tests" / "attacks" / family
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("test_*.py")]
    assert any(f"{settings}(" in text for text in texts), f"no test in {folder} makes {settings}()"


@pytest.mark.parametrize("method", Method)
def test_settings_are_read_the_same_way_of_every_method(method: Method) -> None:
    settings = SETTINGS[method]()
    assert settings.image_steps > 0
    assert settings.name == str(method)
    assert settings.rounds == 1
    assert settings_of(method, **{field.name: getattr(settings, field.name) for field in fields(settings)}) == settings
    assert settings_of(method, no_such_option=1) == settings


@pytest.mark.parametrize("method", Method)
def test_a_step_has_a_size_where_the_attack_has_such_an_option(method: Method) -> None:
    threat = Threat(Norm.LINF, 0.1)
    assert (SETTINGS[method]().first_step(threat) is not None) == issubclass(SETTINGS[method], Climb)
    if method.climbs:
        assert settings_of(method, step_size=0.03).first_step(threat) == 0.03


def test_every_option_of_an_attack_can_be_given_on_the_command_line_but_those_of_other_callers() -> None:
    of_other_callers = {"stop_at_success", "momentum", "final_step"}
    assert set(attack_settings.OPTIONS) - of_other_callers == {field.name for field in fields(options.Attack)}
