"""The workflow of the guide, run with this project's action and stand-ins for those that need GitHub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.pipelines.conftest import StandIn
from tests.pipelines.github_runner import OtherAction, Run, new_run, run_job
from tests.pipelines.published_schemas import published_schema
from tests.pipelines.snippets import yaml_snippets

WORKFLOWS = yaml_snippets("/.github/actions/audit@")
MOST_BYTES = 16 * 2**20
"""Of a predicate, as `actions/attest` takes it."""


def checkout(run: Run, given: dict[str, str]) -> None:
    """The workspace is there."""


def upload_sarif(run: Run, given: dict[str, str]) -> None:
    """`github/codeql-action/upload-sarif`: a file that is there."""
    assert (run.workspace / given["sarif_file"]).is_file()
    run.outputs["uploaded"] = {"sarif": given["sarif_file"]}


def attest(run: Run, given: dict[str, str]) -> None:
    """`actions/attest`: a subject that is there, the type of the predicate, and a file that holds it as JSON."""
    assert set(given) == {"subject-path", "predicate-type", "predicate-path"}
    assert (run.workspace / given["subject-path"]).is_file()
    assert given["predicate-type"].startswith("https://")
    text = (run.workspace / given["predicate-path"]).read_text(encoding="utf-8")
    assert len(text) < MOST_BYTES
    run.outputs["attested"] = {"predicate": text}


OTHERS: dict[str, OtherAction] = {
    "actions/checkout": checkout,
    "github/codeql-action/upload-sarif": upload_sarif,
    "actions/attest": attest,
}


def run_workflow(workflow: Any, run: Run, program: Path) -> None:
    """The steps of its only job."""
    (job,) = workflow["jobs"].values()
    run_job(run, job["steps"], {"install": {"command": str(program)}}, OTHERS)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_it_is_valid_by_the_published_schema(workflow: Any) -> None:
    jsonschema.validate(workflow, published_schema("github-workflows"))


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_pass_is_uploaded_and_attested(workflow: Any, stand_in: StandIn, workspace: Path, temporary: Path) -> None:
    (workspace / "model.onnx").write_bytes(b"a model")
    run = new_run(workspace, temporary)
    run_workflow(workflow, run, stand_in.program)
    assert not run.failed
    assert {"uploaded", "attested"} <= set(run.outputs)


@pytest.mark.parametrize("workflow", WORKFLOWS)
@pytest.mark.parametrize("code", [1, 3])
def test_what_does_not_pass_is_uploaded_and_not_attested(
    workflow: Any, stand_in: StandIn, workspace: Path, temporary: Path, code: int
) -> None:
    (workspace / "model.onnx").write_bytes(b"a model")
    stand_in.acts(code)
    run = new_run(workspace, temporary)
    run_workflow(workflow, run, stand_in.program)
    assert run.exit_code == code
    assert "uploaded" in run.outputs
    assert "attested" not in run.outputs
