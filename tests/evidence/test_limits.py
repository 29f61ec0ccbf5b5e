"""Evidence and models that would eat the machine of whoever verifies them."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper

from bnnaudit.evidence import bounded, limits, manifest, stores
from bnnaudit.evidence.bounded import FORKS, OverLimitsError
from bnnaudit.evidence.limits import limits_lifted
from bnnaudit.evidence.result import Verification
from bnnaudit.evidence.verify import main, verify
from tests.evidence.conftest import Evidence
from tests.onnx_import.building import model_of, node

pytestmark = pytest.mark.skipif(not FORKS, reason="only Linux limits the address space")


def endless() -> list[NodeProto]:
    """A Loop that adds 0 to the image, 2**62 times."""
    kinds = {"i": TensorProto.INT64, "c": TensorProto.BOOL, "s": TensorProto.FLOAT}
    inputs = [helper.make_tensor_value_info(name, kind, None if name == "s" else []) for name, kind in kinds.items()]
    outputs = [
        helper.make_tensor_value_info("c2", TensorProto.BOOL, []),
        helper.make_tensor_value_info("s2", TensorProto.FLOAT, None),
    ]
    body = helper.make_graph([node("Identity", "c", "c2"), node("Add", "s zero", "s2")], "b", inputs, outputs)
    return [helper.make_node("Loop", ["times", "true", "x"], ["h"], body=body), node("Flatten", "h", "f")]


def huge() -> list[NodeProto]:
    """Three values of two GiB; one of four is more than ONNX Runtime makes at all."""
    return [
        node("Tile", "x many", "t"),
        node("Sin", "t", "s"),
        node("Mul", "t s", "p"),
        node("ReduceMax", "p", "m", keepdims=0),
        node("Add", "x m", "h"),
        node("Flatten", "h", "f"),
    ]


def with_model(evidence: Evidence, nodes: list[NodeProto]) -> None:
    """Evidence that is about another model, and says so throughout."""
    constants = {
        "w": np.eye(16, 3, dtype=np.float32),
        "zero": np.zeros(1, np.float32),
        "times": np.array(2**62),
        "true": np.array(True),
        "many": np.array([1, 1, 2**9, 2**16 // len(evidence.arrays()["label"])]),
    }
    used = {name for one in nodes for name in one.input} | {"w", "zero"}
    kept = {name: value for name, value in constants.items() if name in used}
    model = model_of([*nodes, node("MatMul", "f w")], ("n", 1, 4, 4), kept, opset=17, output_shape=("n", 3))
    evidence.model.write_bytes(model.SerializeToString())
    digest = hashlib.sha256(evidence.model.read_bytes()).hexdigest()
    report = json.loads((evidence.folder / "report.json").read_text())
    report["model"]["sha256"] = digest
    (evidence.folder / "report.json").write_text(json.dumps(report))
    output = model.graph.output[0].name

    def restated(stated: dict[str, Any]) -> None:
        stated["model"]["sha256"] = digest
        stated["replay"]["input"]["output"] = output

    evidence.restate(restated)


def only(evidence: Evidence) -> Verification:
    (found,) = verify(evidence.folder, evidence.model)
    return found


def test_a_model_that_never_ends(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "CHECKING_SECONDS", replace(limits.CHECKING_SECONDS, most=1))
    monkeypatch.setattr(bounded, "MILLISECONDS_OF_IMAGE", replace(limits.MILLISECONDS_OF_IMAGE, most=1))
    with_model(evidence, endless())
    found = only(evidence)
    assert found.problems == []
    assert "checking it takes more than 1 s of processor time" in found.cannot
    assert "--limits none" in found.cannot
    assert found.exit_code == 3


def test_a_model_that_takes_more_memory_than_there_is(evidence: Evidence) -> None:
    with_model(evidence, huge())
    found = only(evidence)
    assert "checking it takes more than 3.0 GiB of memory" in found.cannot
    assert found.exit_code == 3


def test_its_own_command_line_lifts_them(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [str(evidence.folder), "--model", str(evidence.model)]
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("it forks"))
    assert main([*words, "--limits", "none"]) == 0
    monkeypatch.setattr(bounded, "_forked", lambda *_: (b"", -9))
    assert main(words) == 3


def test_what_fails_there_is_done_again_here() -> None:
    def fail() -> int:
        raise LookupError("a bug")

    assert bounded.bounded(fail, 0, 0, 0) is None
    assert bounded.bounded(lambda: 7, 0, 0, 0) == 7
    with limits_lifted():
        assert bounded.bounded(lambda: 7, 0, 0, 0) is None


def test_a_crash_is_no_result() -> None:
    with pytest.raises(OverLimitsError, match="crashes"):
        bounded.bounded(lambda: os.kill(os.getpid(), 11), 0, 0, 0)


@pytest.mark.skipif(not FORKS, reason="elsewhere nothing ends it")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_a_job_says_nothing_of_the_evidence(number: int) -> None:
    """It is sent to all of a job's processes, and heard there first."""
    with pytest.raises(KeyboardInterrupt):
        bounded.bounded(lambda: os.kill(os.getpid(), number), 0, 0, 0)


def test_a_manifest_or_report_of_millions_of_empty_lists(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    (evidence.folder / "report.json").write_text("[" + "[]," * 1000 + "[]]")
    evidence.restate()
    monkeypatch.setattr(manifest, "VALUES", replace(limits.VALUES, most=1500))
    (problem,) = [problem for problem in only(evidence).problems if "values" in problem]
    assert "up to 2,002 values, more than 1,500 are refused (--limits none" in problem
    with limits_lifted():
        assert not any("values" in problem for problem in only(evidence).problems)
    (evidence.folder / "manifest.json").write_text("[" + "[]," * 1000 + "[]]")
    assert "more than 1,500 are refused" in only(evidence).problems[0]


def test_the_manifests_of_several_count_together(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len((evidence.folder / "manifest.json").read_bytes())
    (evidence.folder.parent / "all").mkdir()
    evidence.folder.rename(evidence.folder.parent / "all" / "one")
    everything = evidence.folder.parent / "all"
    (everything / "two").mkdir()
    (everything / "two" / "manifest.json").write_bytes((everything / "one" / "manifest.json").read_bytes())
    monkeypatch.setattr(stores, "MANIFEST_BYTES", replace(limits.MANIFEST_BYTES, most=size))
    (found,) = verify(everything, evidence.model)
    assert f"more than {size:,} are refused" in found.problems[0]
    monkeypatch.setattr(stores, "MANIFEST_BYTES", replace(limits.MANIFEST_BYTES, most=2 * size))
    (found,) = verify(everything / "one", evidence.model)
    assert found.exit_code == 0
