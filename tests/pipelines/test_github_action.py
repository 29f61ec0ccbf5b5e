"""The composite action, run step by step: what it hands to bnnaudit, and what it gives back."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.pipelines.conftest import StandIn
from tests.pipelines.github_runner import EXPRESSION, Run, new_run, run_action, the_action
from tests.pipelines.published_schemas import published_schema

REPORTS = {
    "json": "audit.json",
    "sarif": "audit.sarif",
    "junit": "audit.xml",
    "html": "audit.html",
    "cyclonedx": "audit.cdx.json",
    "intoto": "audit.intoto.jsonl",
    "predicate": "audit.predicate.json",
}


def act(stand_in: StandIn, run: Run, **given: str) -> dict[str, str]:
    """The action's outputs, with the program that stands in for bnnaudit."""
    inputs = {name.replace("_", "-"): value for name, value in given.items()}
    return run_action(run, inputs, {"install": {"command": str(stand_in.program)}})


def test_it_is_valid_by_the_published_schema() -> None:
    jsonschema.validate(the_action(), published_schema("github-actions"))


def test_inputs_reach_scripts_as_variables_alone() -> None:
    for step in the_action()["runs"]["steps"]:
        assert not EXPRESSION.search(step["run"])


def test_models_options_and_reports_are_arguments_of_check(stand_in: StandIn, workspace: Path, temporary: Path) -> None:
    run = new_run(workspace, temporary)
    act(
        stand_in, run,
        models="models/*.onnx\nb c.onnx\n", data="my images.npz", eps="8/255", min_verified="0.3", fail_on="warning",
        args="--samples=500\n--device=cpu", reports="out put",
    )  # fmt: skip
    check, render = stand_in.calls
    reports = [word for index, word in enumerate(check) if check[index - 1] == "--report"]
    assert check[0] == "check"
    assert check[-3:] == ["--", "models/*.onnx", "b c.onnx"]
    assert check[1:7] == [
        "--data=my images.npz", "--eps=8/255", "--min-verified=0.3", "--fail-on=warning", "--samples=500", "--device=cpu"
    ]  # fmt: skip
    assert "sarif=out put/audit.sarif" in reports
    assert "markdown=out put/audit.md" in reports
    assert render == [
        "render", "out put/audit.json", "--report", "intoto-predicate=out put/audit.predicate.json"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "outcome"), [(0, "passed"), (1, "failed"), (2, "error"), (3, "undecided"), (70, "error"), (130, "error")]
)
def test_its_exit_code_is_that_of_check_after_all_reports_and_outputs(
    stand_in: StandIn, workspace: Path, temporary: Path, code: int, outcome: str
) -> None:
    stand_in.acts(code)
    run = new_run(workspace, temporary)
    outputs = act(stand_in, run, models="model.onnx")
    assert run.exit_code == code
    assert run.failed == (code != 0)
    assert outputs["exit-code"] == str(code)
    assert outputs["outcome"] == outcome
    for name, file in REPORTS.items():
        assert outputs[name] == f"bnnaudit-reports/{file}"
        assert (workspace / outputs[name]).is_file()
    assert run.summary == "a report as markdown\n"


def test_where_nothing_was_written_outputs_are_empty_and_old_reports_gone(
    stand_in: StandIn, workspace: Path, temporary: Path
) -> None:
    act(stand_in, new_run(workspace, temporary), models="model.onnx")
    kept = workspace / "bnnaudit-reports" / "audit.onnx"
    kept.write_bytes(b"a model")
    stand_in.acts(2, writes=False)
    (temporary / "summary.md").unlink()
    run = new_run(workspace, temporary)
    outputs = act(stand_in, run, models="model.onnx")
    assert {outputs[name] for name in REPORTS} == {""}
    assert list((workspace / "bnnaudit-reports").iterdir()) == [kept]
    assert run.exit_code == 2
    assert "audited nothing (exit code 2)" in run.summary


def test_annotations_are_heeded_and_nothing_else_that_bnnaudit_prints(
    stand_in: StandIn, workspace: Path, temporary: Path
) -> None:
    stand_in.acts(
        1, says="::set-output name=outcome::passed\n::error::owned", annotations="::error title=FR301::fake\n"
    )
    run = new_run(workspace, temporary)
    act(stand_in, run, models="model.onnx")
    assert run.commands == [("error", "fake")]
    assert "::error::owned" in run.log


@pytest.mark.parametrize(
    "hostile",
    ["$(touch pwned)", "`touch pwned`", '"; touch pwned; "', "'; touch pwned; '", "x\n; touch pwned", "| touch pwned"],
)
@pytest.mark.parametrize("name", ["models", "data", "eps", "args", "fail_on"])
def test_no_input_is_run(stand_in: StandIn, workspace: Path, temporary: Path, hostile: str, name: str) -> None:
    run = new_run(workspace, temporary)
    act(stand_in, run, **{"models": "model.onnx", name: hostile})
    assert not list(workspace.rglob("pwned"))
    assert run.exit_code == 0
    given = "\n".join(stand_in.calls[0])
    assert hostile in given


def test_a_folder_cannot_add_outputs(stand_in: StandIn, workspace: Path, temporary: Path) -> None:
    run = new_run(workspace, temporary)
    outputs = act(stand_in, run, models="model.onnx", reports="out\noutcome=passed")
    assert run.failed
    assert outputs["outcome"] == ""


def test_a_model_that_begins_with_a_dash_is_no_option(stand_in: StandIn, workspace: Path, temporary: Path) -> None:
    act(stand_in, new_run(workspace, temporary), models="--fail-on=never")
    assert stand_in.calls[0][-2:] == ["--", "--fail-on=never"]


def install(tmp_path: Path, run: Run, version_is_fine: bool, **given: str) -> list[list[str]]:
    """The calls of Python that the install step makes; a program that writes them down stands in for Python."""
    log = tmp_path / "calls.json"
    python = tmp_path / "a python"
    python.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, shutil, sys\n"
        f"log = pathlib.Path({str(log)!r})\n"
        "log.write_text(json.dumps([*(json.loads(log.read_text()) if log.exists() else []), sys.argv[1:]]))\n"
        "if sys.argv[1:3] == ['-m', 'venv']:\n"
        "    programs = pathlib.Path(sys.argv[3]) / 'bin'\n"
        "    programs.mkdir(parents=True)\n"
        "    shutil.copy(sys.argv[0], programs / 'python')\n"
        f"sys.exit(0 if sys.argv[1] != '-c' else {int(not version_is_fine)})\n",
        encoding="utf-8",
    )
    python.chmod(python.stat().st_mode | stat.S_IEXEC)
    inputs = {"models": "model.onnx", "python": str(python), **given}
    run_action(run, inputs, {"audit": {"exit-code": "0"}})
    found: list[list[str]] = json.loads(log.read_text(encoding="utf-8"))
    return found


def test_it_installs_its_own_checkout_in_an_environment_of_its_own(
    tmp_path: Path, workspace: Path, temporary: Path
) -> None:
    _, venv, pip = install(tmp_path, new_run(workspace, temporary), version_is_fine=True)
    assert venv == ["-m", "venv", str(temporary / "bnnaudit")]
    assert pip[:3] == ["-m", "pip", "install"]
    assert pip[-2] == "--"
    assert (Path(pip[-1]) / "pyproject.toml").is_file()


def test_it_installs_another_source_that_it_is_given(tmp_path: Path, workspace: Path, temporary: Path) -> None:
    run = new_run(workspace, temporary)
    *_, pip = install(tmp_path, run, version_is_fine=True, install="wheels/bnn audit.whl")
    assert pip[-1] == "wheels/bnn audit.whl"


def test_an_old_python_is_refused_in_a_line_that_says_what_to_do(
    tmp_path: Path, workspace: Path, temporary: Path
) -> None:
    run = new_run(workspace, temporary)
    calls = install(tmp_path, run, version_is_fine=False)
    assert len(calls) == 1
    assert run.exit_code == 2
    assert [name for name, _ in run.commands] == ["error"]
    assert "actions/setup-python" in run.log
