"""The catalogue: every file is in the table, thresholds are written from their constants, and texts name what exists."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import bnnaudit.rules
from bnnaudit.core.attack import Beta, ErrorSignal, LossKind, Method
from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check
from bnnaudit.core.finding import Rule
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.surrogate import SurrogateKind
from bnnaudit.core.threat import parse_length
from bnnaudit.rules import table
from bnnaudit.rules.table import CHECKS, RULES
from tests.rules.test_rules import SICK, fired

ROOT = Path(bnnaudit.rules.__file__).parent
FILES = sorted(path for path in ROOT.glob("*/*.py") if path.stem != "__init__")
FAMILIES = {"symptoms": "GM1", "causes": "SP2", "verdict": "FR3", "model": "MF4"}
SHARED = ("comparison", "fitness", "paired_rule", "share_rule")
"""Files whose constants several rules use, in the order in which they import one another."""
IN_CONSTRUCTORS = {
    "MATERIAL": ("paired_rule(", "no_gain_rule("),
    "SIGNIFICANCE": ("paired_rule(",),
    "ENOUGH_LEFT": ("no_gain_rule(",),
}
"""Constants that a rule uses by what it is built with."""
OF_THE_MESSAGE = {"MENTIONED"}
"""Constants that decide what a message says, not whether the rule fires."""
OF_THE_WAYS = {"CLOSE"}
"""Of the choice among several other ways to prepare the images, all of which make the rule fire."""


def rule_of(path: Path) -> Rule:
    (rule,) = (rule for rule in RULES.values() if rule.name == path.stem.replace("_", "-"))
    return rule


def constants(source: str) -> list[tuple[str, int]]:
    """The named constants of a file with the position of each number in them among all numbers of the file."""
    numbers = [node for node in ast.walk(ast.parse(source)) if is_number(node)]
    places = {(node.lineno, node.col_offset): index for index, node in enumerate(numbers)}
    return [
        (ast.unparse(statement.targets[0]), places[node.lineno, node.col_offset])
        for statement in ast.parse(source).body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) not in {"RULE", "CHECK"}
        for node in ast.walk(statement.value)
        if is_number(node)
    ]


def is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in {int, float}


def halved(source: str, position: int) -> ast.Module:
    """The file with one of its numbers halved."""
    tree = ast.parse(source)
    number = [node for node in ast.walk(tree) if is_number(node)][position]
    assert isinstance(number, ast.Constant)
    assert isinstance(number.value, int | float)
    number.value = number.value / 2
    return tree


def executed(tree: ast.Module, name: str) -> ModuleType:
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(tree, name, "exec"), vars(module))
    return module


def texts_of(module: ModuleType) -> str:
    rule: Rule = module.RULE
    return f"{rule.threshold} {rule.measured}"


def test_every_file_is_in_the_table_under_its_code() -> None:
    entries = {name: value for name, value in vars(table).items() if isinstance(value, Check)}
    assert {check.rule.name for check in entries.values()} == {path.stem.replace("_", "-") for path in FILES}
    assert all(name == check.rule.code for name, check in entries.items())
    assert set(entries) == {check.rule.code for check in CHECKS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_named_for_its_rule_and_lies_with_its_family(path: Path) -> None:
    rule = rule_of(path)
    assert rule.code.startswith(FAMILIES[path.parent.name])
    assert (ast.get_docstring(ast.parse(path.read_text())) or "").startswith(f"{rule.code}: ")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_texts_change_with_each_constant_of_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = path.read_text(encoding="utf-8")
    monkeypatch.setitem(sys.modules, "halved", ModuleType("halved"))
    before = texts_of(executed(ast.parse(source), "halved"))
    for name, position in constants(source):
        if name not in OF_THE_MESSAGE:
            assert texts_of(executed(halved(source, position), "halved")) != before, name


def shared_constants() -> Iterator[tuple[str, str, int]]:
    for stem in SHARED:
        for name, position in constants((ROOT / f"{stem}.py").read_text(encoding="utf-8")):
            if name not in OF_THE_WAYS:
                yield stem, name, position


def uses(source: str, name: str) -> bool:
    """Whether a rule's file depends on a shared constant, by name or by what the rule is built with."""
    if name == "TOLERATED" and "share_rule(" in source:
        return "above=" not in source
    built = any(call in source for call in IN_CONSTRUCTORS.get(name, ()))
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    return built or any(alias.name == name for node in imports for alias in node.names)


@pytest.mark.parametrize(("stem", "name", "position"), list(shared_constants()))
def test_the_texts_change_with_each_shared_constant(
    stem: str, name: str, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in (*SHARED, "rule"):
        monkeypatch.setitem(sys.modules, f"bnnaudit.rules.{other}", ModuleType(other))
    for other in SHARED:
        source = (ROOT / f"{other}.py").read_text(encoding="utf-8")
        executed(halved(source, position) if other == stem else ast.parse(source), f"bnnaudit.rules.{other}")
    users = [path for path in FILES if uses(path.read_text(encoding="utf-8"), name)]
    assert users
    for path in users:
        changed = texts_of(executed(ast.parse(path.read_text(encoding="utf-8")), "bnnaudit.rules.rule"))
        rule = rule_of(path)
        assert changed != f"{rule.threshold} {rule.measured}", rule.code


@pytest.fixture(scope="module")
def options() -> set[str]:
    """Every long option of every command."""
    found: set[str] = set()
    for command in ("check", "attack", "sweep", "signal", "clever", "inspect", "reproduce", "train", "explain"):
        ran = subprocess.run(
            [sys.executable, "-m", "bnnaudit", command, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "200"},
        )
        found.update(re.findall(r"--[a-z][a-z0-9-]*", ran.stdout))
    return found


def as_method(text: str) -> None:
    """Raises ValueError where no command knows the method."""
    if text != "transfer":
        Method(text.removesuffix("++"))


VALUES: dict[str, Callable[[str], object]] = {
    "--method": as_method,
    "--beta": Beta.parse,
    "--surrogate": SurrogateKind,
    "--loss": LossKind,
    "--error-signal": ErrorSignal,
    "--effort": Effort,
    "--serve-as": ServeAs,
    "--eps": parse_length,
}
"""Options whose values texts give, with what reads them. Other names of a surrogate are not for texts."""


@pytest.mark.parametrize("code", list(RULES))
def test_options_values_and_rules_that_a_text_names_exist(code: str, options: set[str]) -> None:
    rule = RULES[code]
    words = f"{rule.summary} {rule.meaning} {rule.measured} {rule.threshold} {rule.remedy} {rule.false_alarms} "
    words += fired(SICK[code]())[code].message
    assert set(re.findall(r"--[a-z][a-z0-9-]*", words)) <= options
    assert set(re.findall(r"\b(?:GM|SP|FR|MF)\d{3}\b", words)) <= set(RULES)
    for option, value in re.findall(r"(--[a-z-]+) ([\w/+-]+)", words):
        if option in VALUES:
            VALUES[option](value)
