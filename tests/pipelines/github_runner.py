"""The parts of a GitHub runner that the composite action and the README's workflow need, to run both on this machine.

Steps with a script run in bash as GitHub starts it. Other actions than this project's have stand-ins, since they need GitHub.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "audit"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
COMMAND = re.compile(r"^\s*::([^\s:]+)(?: .*?)?::(.*)$")
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
"""How GitHub runs a step whose shell is bash."""


@dataclass
class Run:
    """What steps have done so far.

    outputs: of each step with an id. commands: the workflow commands that the runner heeded, by name and message. failed: whether
    a step failed, so that those are passed over that do not say `if: always()`.
    """

    workspace: Path
    temporary: Path
    environment: Mapping[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    commands: list[tuple[str, str]] = field(default_factory=list)
    log: str = ""
    failed: bool = False
    exit_code: int = 0

    @property
    def summary(self) -> str:
        """The job summary."""
        path = self.temporary / "summary.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""


OtherAction = Callable[[Run, dict[str, str]], None]


class Yaml12(yaml.SafeLoader):
    """YAML in which `on` and `no` are words, as GitHub and GitLab read it."""


Yaml12.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Yaml12.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


def load(text: str) -> Any:
    """The YAML of a pipeline's file."""
    return yaml.load(text, Loader=Yaml12)


def the_action() -> Any:
    """The metadata of this project's action."""
    return load((ACTION / "action.yml").read_text(encoding="utf-8"))


def run_action(run: Run, given: Mapping[str, str], replaced: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Runs the steps of the composite action; its outputs.

    replaced: the outputs of steps, by id, that are not run, because they install something.
    """
    action = the_action()
    unknown = set(given) - set(action["inputs"])
    assert not unknown, f"the action has no such input: {unknown}"
    inputs = {name: given.get(name, entry.get("default", "")) for name, entry in action["inputs"].items()}
    missing = [name for name, entry in action["inputs"].items() if entry.get("required") and not inputs[name]]
    assert not missing, f"required inputs are missing: {missing}"
    inner = Run(run.workspace, run.temporary, run.environment)
    for step in action["runs"]["steps"]:
        if step.get("id") in replaced:
            inner.outputs[step["id"]] = dict(replaced[step["id"]])
        elif not inner.failed or "always()" in step.get("if", ""):
            _run_script(inner, step, inputs)
    run.log, run.failed, run.exit_code = run.log + inner.log, inner.failed, inner.exit_code
    run.commands += inner.commands
    return {name: evaluated(entry["value"], inputs, inner.outputs) for name, entry in action["outputs"].items()}


def run_job(
    run: Run, steps: list[Any], replaced: Mapping[str, Mapping[str, str]], others: Mapping[str, OtherAction]
) -> None:
    """Runs a workflow's steps: this project's action for real, other actions by their stand-ins."""
    for step in steps:
        if run.failed and "always()" not in step.get("if", ""):
            continue
        given = {name: evaluated(str(value), {}, run.outputs) for name, value in step.get("with", {}).items()}
        name, _, version = step["uses"].partition("@")
        assert version, f"{name} is used without a version"
        if name.endswith("/bnnaudit/.github/actions/audit"):
            run.outputs[step["id"]] = run_action(run, given, replaced)
        else:
            others[name](run, given)


def evaluated(text: str, inputs: Mapping[str, str], outputs: Mapping[str, Mapping[str, str]]) -> str:
    """The text with the values of its expressions, of which there are two kinds here."""

    def value(match: re.Match[str]) -> str:
        match match[1].split("."):
            case ["inputs", name]:
                return inputs[name]
            case ["steps", step, "outputs", name]:
                return outputs.get(step, {}).get(name, "")
            case _:
                raise AssertionError(f"an expression that this runner does not know: {match[0]}")

    return EXPRESSION.sub(value, text)


def _run_script(run: Run, step: Any, inputs: Mapping[str, str]) -> None:
    assert step["shell"] == "bash"
    assert not EXPRESSION.search(step["run"]), "an expression inside a script is run as part of it"
    files = {
        name: run.temporary / file
        for name, file in (("GITHUB_OUTPUT", "output"), ("GITHUB_STEP_SUMMARY", "summary.md"))
    }
    files["GITHUB_OUTPUT"].write_text("", encoding="utf-8")
    environment = {
        **run.environment,
        **{name: evaluated(value, inputs, run.outputs) for name, value in step.get("env", {}).items()},
        **{name: str(path) for name, path in files.items()},
        "GITHUB_ACTION_PATH": str(ACTION),
        "RUNNER_TEMP": str(run.temporary),
    }
    result = subprocess.run(
        [*BASH, "-c", step["run"]], cwd=run.workspace, env=environment, capture_output=True, text=True, check=False
    )
    run.log += result.stdout + result.stderr
    run.commands += heeded(result.stdout)
    if "id" in step:
        lines = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
        run.outputs[step["id"]] = dict(line.split("=", 1) for line in lines)
    run.failed, run.exit_code = result.returncode != 0, result.returncode


def heeded(log: str) -> list[tuple[str, str]]:
    """The workflow commands in a log, without those between `stop-commands` and its token."""
    commands, token = [], ""
    for match in filter(None, (COMMAND.match(line) for line in log.splitlines())):
        name, message = match[1], match[2]
        if token:
            token = "" if name == token else token
        elif name == "stop-commands":
            token = message
        else:
            commands.append((name, message))
    assert not token, "the log ends before commands are heeded again"
    return commands


def new_run(workspace: Path, temporary: Path, **environment: str) -> Run:
    """A job in this folder, with the environment of this process and more."""
    return Run(workspace, temporary, {**os.environ, **environment})
