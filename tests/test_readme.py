"""Every block of code in the README is run as it is printed, or held against its schema, or listed with why it cannot be run.

Audits are kept short by a card beside the sample model that takes the place of `model.onnx`, since the card says how many images
and how much effort; what the README prints stays as it is.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import jsonschema
import numpy as np
import pytest
import typer
from torch import nn

from bnnaudit.cli.main import COMMANDS, program, run
from bnnaudit.quantization.binarizers import Binarizer
from bnnaudit.zoo.architectures import ARCHITECTURES
from bnnaudit.zoo.architectures.precision import Activations, Weights
from bnnaudit.zoo.train.tables import ExportFormat, Recipe
from tests.paths import ROOT, SAMPLE_MODELS
from tests.pipelines.github_runner import load
from tests.pipelines.published_schemas import published_schema
from tests.pipelines.snippets import FENCED, LONGEST, yaml_snippets

README = (ROOT / "README.md").read_text(encoding="utf-8")
NOT_RUN = {
    "pip install -q -e .": "it sets up an environment of several gigabytes; what it ends with is run for the page above it",
    "-m pytest -n 2": "it sets up such an environment, and runs this test",
}
"""Words of a block, and why it is not run."""
SHORT = {"[policy]": "toml", "[[policy.waivers]]": "toml", "--baseline": "sh", "/.github/actions/audit@": "yaml"}
"""What a newcomer copies, which has fewer than fifteen lines: words of it, and its language."""
CARD = '[audit]\neffort = "quick"\n[data]\nsource = "images.npz"\nsamples = 100\n[threat]\neps = 0.2\n'
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
NEWCOMERS = "pictures-bnn.onnx"
"""The network of the section on training one's own."""
FLEETING = "Cure"
"""The line of a page whose words may differ from machine to machine, where cures are as good as one another."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code as the reader copies it. line: where it starts."""

    language: str
    text: str
    line: int

    @property
    def why_not_run(self) -> str | None:
        """None where it is run or validated."""
        return next((reason for words, reason in NOT_RUN.items() if words in self.text), None)


def found() -> Iterator[Block]:
    for match in FENCED.finditer(README):
        yield Block(match["language"], dedent(match["text"]), README[: match.start()].count("\n") + 1)


BLOCKS = tuple(found())


def blocks(language: str, holds: str = "") -> list[Block]:
    """Those that are run or validated."""
    return [
        block for block in BLOCKS if block.language == language and holds in block.text and block.why_not_run is None
    ]


def named(block: Block) -> str:
    return f"line {block.line}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a model, its images, and its card."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLE_MODELS / "digits-ref-at.onnx", "model.onnx")
    shutil.copy(SAMPLE_MODELS / "digits-test.npz", "images.npz")
    Path("model.toml").write_text(CARD, encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def ran(command: str) -> int:
    """The exit code of a command line of bnnaudit, or of `python -m` one of its modules."""
    program, *arguments = shlex.split(command)
    if program == "python":
        flag, module, *arguments = arguments
        assert flag == "-m"
        return int(import_module(module).main(arguments))
    assert program == "bnnaudit"
    return run(arguments)


def settings_schema(capsys: pytest.CaptureFixture[str]) -> Any:
    assert ran("bnnaudit explain --schema settings") == 0
    return json.loads(capsys.readouterr().out)


def test_no_block_is_left_out() -> None:
    """Each fence opens a block that a test below takes, or one that is listed; and what is listed is there."""
    assert README.count("```") == 2 * len(BLOCKS)
    taken = [block for language in ("text", "sh", "toml", "yaml", "python") for block in blocks(language)]
    listed = [block for block in BLOCKS if block.why_not_run is not None]
    assert sorted(block.line for block in (*taken, *listed)) == [block.line for block in BLOCKS]
    assert len(listed) == len(NOT_RUN)


@pytest.mark.parametrize(("words", "language"), SHORT.items())
def test_what_a_newcomer_copies_is_short(words: str, language: str) -> None:
    copied = blocks(language, words)
    assert copied
    assert all(block.text.count("\n") <= LONGEST for block in copied)


@pytest.mark.parametrize("block", blocks("text"), ids=named)
def test_the_page_shown_is_that_of_the_first_command(
    block: Block, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line by line but for digits, which may differ where another processor rounds otherwise."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "80")
    (command,) = (words for words in NOT_RUN if "pip install -q -e ." in words)
    (first,) = (each for each in BLOCKS if command in each.text)
    assert ran(first.text.rpartition(".venv/bin/")[2]) == 1
    printed = without_digits(capsys.readouterr().out).splitlines()
    shown = without_digits(block.text).splitlines()
    lines = [line for line in shown if line.strip() != "..." and not line.startswith(f"  {FLEETING} ")]
    assert [line for line in lines if line not in printed] == []
    assert printed[:8] == shown[:8]
    assert printed[-1] == shown[-1]


def without_digits(text: str) -> str:
    return re.sub(r"\d+", "#", text)


def ends_as_it_should(line: str, code: int) -> bool:
    """The network that a newcomer trains is audited, and fails as the text says; everything else is done."""
    return code == (1 if line == f"bnnaudit check {NEWCOMERS}" else 0)


@pytest.mark.parametrize("block", blocks("sh"), ids=named)
def test_commands_run_as_written(block: Block, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`old.json` and `new.json` are reports of the model that was audited before; a newcomer's network is audited in brief."""
    if NEWCOMERS in block.text:
        Path("bnnaudit.toml").write_text('[audit]\neffort = "quick"\n', encoding="utf-8")
    for line in block.text.splitlines():
        for name in {"old.json", "new.json"} & set(shlex.split(line)):
            shutil.copy("audit.json", name)
        code = ran(line)
        assert ends_as_it_should(line, code), f"{line}: {code}\n{''.join(capsys.readouterr())}"
    printed = capsys.readouterr().out
    if "bnnaudit verify" in block.text:
        assert int(re.findall(r"(\d+) of \1 counterexamples hold", printed)[0]) > 0
    if "bnnaudit history" in block.text:
        assert len(list(Path("audits").rglob("*.json"))) == 1
    if NEWCOMERS in block.text:
        assert f"{NEWCOMERS}, 1-bit weights and activations" in printed
        assert "fake robustness" in printed


def test_the_table_of_what_can_be_trained_is_whole() -> None:
    """Each table of a recipe, each architecture, and each word for weights, activations, binarizers and formats."""
    section = README.partition("## Training your own binary network")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    told = set(re.findall(r"`([^`]+)`", "\n".join(rows)))
    plain = {"name", "description", "seed"}
    assert {f"[{name}]" for name in set(Recipe.model_fields) - plain} <= told
    for words in (ARCHITECTURES, Weights, Activations, Binarizer, ExportFormat):
        assert set(words) <= told


@pytest.mark.parametrize("block", blocks("toml"), ids=named)
def test_settings_are_valid_by_the_schema_that_the_readme_names(
    block: Block, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = settings_schema(capsys)
    stated = tomllib.loads(block.text)
    jsonschema.validate(json.loads(json.dumps(stated, default=str)), schema)
    first = next(iter(stated))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({first: {"no_such_key": 1}}, schema)
    for name in re.findall(r"^#:schema \./(\S+)$", block.text, re.MULTILINE):
        assert f"bnnaudit explain --schema settings -o {name}" in README.replace("\n", " ")


def test_the_policy_is_asked(folder: Path) -> None:
    (block,) = blocks("toml", "[policy]")
    Path("bnnaudit.toml").write_text(block.text, encoding="utf-8")
    ran("bnnaudit check model.onnx --report audit.json")
    report = json.loads(Path("audit.json").read_text(encoding="utf-8"))
    asked = {each["kind"]: each["threshold"] for each in report["gate"]["criteria"]}
    assert report["threat"]["eps"] == pytest.approx(8 / 255)
    assert asked["min-clean"] == 0.9
    assert asked["max-gap"] == 0.05
    assert asked["min-verified"] == 0.3
    assert "required-check" in asked


def test_the_waiver_accepts_the_finding_that_it_names_until_its_day(folder: Path) -> None:
    """The binary sample's robustness is fake. The day of the README comes, so tomorrow takes its place."""
    (block,) = blocks("toml", "[[policy.waivers]]")
    waiver = tomllib.loads(block.text)["policy"]["waivers"][0]
    model = Path(waiver["model"].replace("*", "1"))
    model.parent.mkdir()
    shutil.copy(SAMPLE_MODELS / "digits-bnn-waq.onnx", model)
    shutil.copy("model.toml", model.with_suffix(".toml"))
    shutil.copy("images.npz", model.parent)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    text = block.text.replace(str(waiver["expires"]), str(tomorrow))
    Path("bnnaudit.toml").write_text(text, encoding="utf-8")
    ran(f"bnnaudit check {model} --report audit.json")
    report = json.loads(Path("audit.json").read_text(encoding="utf-8"))
    waived = {each["rule"]: each.get("waiver") for each in report["findings"]}
    assert waived[waiver["rule"]]["expires"] == str(tomorrow)
    assert [code for code, accepted in waived.items() if accepted] == [waiver["rule"]]


def options_of(name: str) -> set[str]:
    """The long options of a command of bnnaudit."""
    context = typer.Context(program)
    parameters = program.get_command(context, name).params
    return {flag for parameter in parameters for flag in parameter.opts if flag.startswith("--")} | {"--help"}


def test_options_that_the_readme_names_exist() -> None:
    """In its text and its tables as well; where it names the command beside them, they are options of that command."""
    known = {option for name in COMMANDS for option in options_of(name)} | {"--install-completion"}
    assert set(OPTION.findall(README)) <= known
    commands = re.findall(r"`bnnaudit ([a-z]+ [^`]*--[^`]*)`", README)
    assert commands
    for words in commands:
        assert set(OPTION.findall(words)) <= options_of(words.split()[0]), words


def make(width: int) -> nn.Module:
    """The network of the README's card, as a package of its reader's would have it."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, width), nn.ReLU(), nn.Linear(width, 4))


def test_the_card_is_all_that_a_checkpoint_needs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import save_file

    (block,) = blocks("toml", "[architecture]")
    Path("model.toml").write_text(block.text, encoding="utf-8")
    Path("model.onnx").unlink()
    (folder / "my_package").mkdir()
    Path("my_package/nets.py").write_text("from tests.test_readme import make\n", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    save_file(make(64).state_dict(), "model.safetensors")
    rng = np.random.default_rng(0)
    np.savez("images.npz", x=rng.integers(0, 256, (500, 32, 32, 3), np.uint8))
    ran("bnnaudit check model.safetensors --arch my_package.nets:make --effort quick --report audit.json")
    report = json.loads(Path("audit.json").read_text(encoding="utf-8"))
    assert report["data"]["samples"] == 500
    assert report["threat"] == {**report["threat"], "norm": "linf", "eps": pytest.approx(8 / 255)}
    assert report["verdict"]["declared_accuracy"] == 0.6
    sys.modules.pop("my_package.nets", None)


@pytest.mark.parametrize("block", blocks("python"), ids=named)
def test_python_runs_as_written(block: Block, folder: Path) -> None:
    exec(block.text, {})
    assert Path("audit.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize("block", blocks("yaml"), ids=named)
def test_workflows_are_among_those_that_are_run_step_by_step(block: Block) -> None:
    """By `tests/pipelines/test_github_workflow.py`."""
    assert load(block.text) in yaml_snippets("/.github/actions/audit@")
    jsonschema.validate(load(block.text), published_schema("github-workflows"))
