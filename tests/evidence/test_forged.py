"""Evidence that was forged with care: all digests are right, and the manifest and the report say the same."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from bnnaudit.cli.main import run
from bnnaudit.evidence.errors import NoEvidenceError, RefusedError, exact
from bnnaudit.evidence.manifest import Input, Session, read_manifest
from bnnaudit.evidence.result import Verification, as_text
from bnnaudit.evidence.verify import verify
from tests.evidence.conftest import Evidence
from tests.onnx_import.building import model_of, node
from tests.paths import ROOT

Change = Callable[[dict[str, Any]], object]


def checked(evidence: Evidence) -> Verification:
    (found,) = verify(evidence.folder, evidence.model)
    return found


def set_in(key: str, value: object) -> Change:
    """Sets an entry of a document by its dotted name."""

    def change(document: dict[str, Any]) -> None:
        *path, last = key.split(".")
        for part in path:
            document = document[part]
        document[last] = value

    return change


def restate_report(evidence: Evidence, change: Change) -> None:
    path = evidence.folder / "report.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    evidence.restate()


def test_a_counterexample_counts_once(evidence: Evidence) -> None:
    arrays = {name: values.copy() for name, values in evidence.arrays().items()}
    for values in arrays.values():
        values[1] = values[0]
    evidence.rewrite(**arrays)
    evidence.restate()
    found = checked(evidence)
    assert (found.exit_code, found.holding) == (1, found.counterexamples - 1)
    assert found.problems == [f"image {arrays['index'][0]}: it is there more than once"]


def test_a_counterexample_that_the_report_does_not_have(evidence: Evidence) -> None:
    index = evidence.arrays()["index"].copy()
    index[0] = 10**6
    evidence.rewrite(index=index)
    evidence.restate()
    found = checked(evidence)
    assert (found.exit_code, found.holding) == (1, found.counterexamples - 1)
    assert found.problems == ["image 1000000: report.json has no counterexample of it with the label 0"]


def test_an_original_that_is_not_the_one_of_the_report(evidence: Evidence) -> None:
    """Everything else holds, but the image is none of the data that were audited."""
    arrays = {name: values.copy() for name, values in evidence.arrays().items()}
    same = np.flatnonzero(arrays["label"] == arrays["label"][0])[1]
    for name in ("original", "adversarial"):
        arrays[name][0] = arrays[name][same]
    evidence.rewrite(**arrays)
    evidence.restate()
    found = checked(evidence)
    assert (found.exit_code, found.holding, found.fooled) == (1, found.counterexamples - 1, found.counterexamples)
    assert len(found.problems) == 1
    assert f"image {arrays['index'][0]}: report.json has another image there" in found.problems[0]


def test_counterexamples_that_were_taken_out(evidence: Evidence) -> None:
    count = len(evidence.arrays()["label"])
    evidence.rewrite(**{name: values[:2] for name, values in evidence.arrays().items()})
    evidence.restate(set_in("counterexamples.count", 2))
    found = checked(evidence)
    assert (found.exit_code, found.holding) == (1, 2)
    assert found.problems == [f"report.json has {count} counterexamples, manifest.json 2 and 0 left out"]
    evidence.restate(set_in("counterexamples.left_out", count - 2))
    found = checked(evidence)
    assert found.exit_code == 0
    assert found.notes == [f"{count - 2} counterexamples of its report are left out as not to be relied on"]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("threat.eps", 0.5, "another threat than manifest.json: eps"),
        ("threat.norm", "l2", "another threat than manifest.json: norm"),
        ("threat.box", [-1.0, 1.0], "another threat than manifest.json: input_range"),
        ("threat.image_bits", None, "another threat than manifest.json: image_bits"),
        ("data.sha256", "0" * 64, "about other data than manifest.json"),
        ("data.labelled", True, "about other data than manifest.json"),
    ],
)
def test_a_manifest_that_says_other_than_the_report(evidence: Evidence, key: str, value: object, words: str) -> None:
    evidence.restate(set_in(key, value))
    found = checked(evidence)
    assert found.exit_code == 1
    assert any(words in problem for problem in found.problems), found.problems


@pytest.mark.parametrize(
    ("eps", "box", "words"),
    [
        (16 / 255 + 9e-7, [0.0, 1.0], "L-inf 0.06274599803921568 in 0..1"),
        (16 / 255, [0.0, 1.0000001], "L-inf 16/255 in 0..1.0000001"),
        (1.0, [-1e-9, 1.0], "L-inf 1 in -1e-09..1"),
    ],
)
def test_a_wider_threat_cannot_look_like_another(evidence: Evidence, eps: float, box: list[float], words: str) -> None:
    """Both documents are forged, so that nothing but the words can tell."""
    evidence.restate(lambda manifest: manifest["threat"].update(eps=eps, box=box, image_bits=None))
    restate_report(evidence, lambda report: report["threat"].update(eps=eps, input_range=box, image_bits=None))
    found = checked(evidence)
    assert (found.exit_code, found.problems) == (0, [])
    count = found.counterexamples
    lines = as_text([found]).splitlines()
    assert lines[-1] == f"OK        {count} of {count} counterexamples hold for the threat {words}"
    assert any(line.startswith("Trusted   Threat, Fed as, Sessions and the labels are what") for line in lines)
    assert any(line.startswith("Unchecked that the originals are of these data, and the acc") for line in lines)


def whole_numbers(folder: Path) -> Evidence:
    weights = np.random.default_rng(0).standard_normal((16, 3)).astype(np.float32)
    nodes = [node("Cast", "x", "f", to=onnx.TensorProto.FLOAT), node("Flatten", "f", "flat"), node("MatMul", "flat w")]
    model = model_of(nodes, ["n", 1, 4, 4], {"w": weights}, 17, onnx.TensorProto.UINT8, ["n", 3])
    onnx.save(model, folder / "whole.onnx")
    np.savez(folder / "x.npz", x=np.random.default_rng(1).integers(0, 256, (30, 1, 4, 4), dtype=np.uint8))
    command = ["attack", folder / "whole.onnx", "--data", folder / "x.npz", "--eps", "32/255", "-q"]
    assert run([str(word) for word in (*command, "--evidence", folder / "e", "-o", folder / "report.txt")]) == 0
    return Evidence(folder / "e", folder / "whole.onnx")


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (None, "threat.grid is not there, though the input takes uint8"),
        ({"first": [0], "last": [255], "steps": [2550]}, "threat.grid is not that of uint8"),
        ({"first": [0.5], "last": [255.5], "steps": [255]}, "threat.grid is not that of uint8"),
    ],
)
def test_pixels_between_the_whole_numbers_that_the_network_takes(
    tmp_path: Path, grid: dict[str, Any] | None, words: str
) -> None:
    """The network would round them, further than eps from the original."""
    evidence = whole_numbers(tmp_path)
    found = checked(evidence)
    assert (found.exit_code, found.threat) == (0, "L-inf 32/255 in 0..255, whole numbers (256 values in 0..255)")
    evidence.restate(set_in("threat.grid", grid))
    found = checked(evidence)
    assert found.exit_code == 1
    assert words in found.problems[0]


def test_a_session_is_told_by_how_it_is_opened() -> None:
    assert Session("exact", True, True).words == "exact (exact sums, not fused)"
    assert Session("exact", False, False).words == "exact (no options)"


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("replay.sessions", [{"name": "default", "exact_sums": True, "unfused": True}], "without options"),
        ("replay.sessions", [{"name": "exact", "exact_sums": True, "unfused": True}] * 2, "different names"),
        ("replay.input.network_shape", [1] * 98 + [4, 4], "replay.input.shape"),
        ("replay.input.batch", 8, "replay.input.chunk"),
        ("replay.input.scale", 0.0, "replay.input.scale"),
        ("replay.input.scale", -1.0, "replay.input.scale"),
        ("threat.eps", 1.5, "threat.eps"),
    ],
)
def test_a_manifest_that_no_audit_writes(evidence: Evidence, key: str, value: object, word: str) -> None:
    evidence.restate(set_in(key, value))
    found = checked(evidence)
    assert found.exit_code == 1
    assert len(found.problems) == 1
    assert word in found.problems[0]


def test_how_one_score_is_read_is_said() -> None:
    given = Input((4,), (4,), "flat", "rgb", (0.1,) * 4, (), "float32", None, 1, "p", "probability", 0.5, 3.0)
    assert given.words.endswith(
        "mean 0.1 0.1 0.1 0.1, output 'p', one score, read as a probability, of (score - 3) * 0.5"
    )
    many = Input((5,), (5,), "flat", "rgb", (0.1, 0.2, 0.3, 0.4, 0.5), (), "float32", None, 1, "", "", 1.0, 0.0)
    assert many.words.endswith("mean 5 numbers from 0.1 to 0.5")


def test_numbers_have_all_their_digits() -> None:
    assert [exact(value) for value in (255.0, -0.0, 0.1, 0.10000000000000002, 1e300)] == [
        "255", "0", "0.1", "0.10000000000000002", "1e+300",
    ]  # fmt: skip


def test_a_key_that_is_there_twice(evidence: Evidence) -> None:
    """Readers take the first or the last of them."""
    text = (evidence.folder / "manifest.json").read_text()
    content = text.replace('"eps": ', '"eps": 0.001, "eps": ').encode()
    with pytest.raises(RefusedError, match="a key is there twice"):
        read_manifest(content)


def test_weights_that_are_not_stated_are_not_taken_from_the_folder_one_is_in(
    evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx.save(onnx.load(evidence.model), evidence.model, save_as_external_data=True, location="w.bin", size_threshold=0)
    digest = hashlib.sha256(evidence.model.read_bytes()).hexdigest()
    evidence.restate(set_in("model.sha256", digest))
    restate_report(evidence, set_in("model.sha256", digest))
    monkeypatch.chdir(tmp_path)
    assert (tmp_path / "w.bin").exists()
    found = checked(evidence)
    assert (found.exit_code, found.problems) == (3, [])
    assert "cannot load" in found.cannot


def test_names_that_no_system_takes(evidence: Evidence, tmp_path: Path) -> None:
    manifest = evidence.manifest
    manifest["files"] += [{"path": name, "sha256": "0" * 64, "bytes": 1} for name in ("a" * 400, "\ud800")]
    (evidence.folder / "manifest.json").write_text(json.dumps(manifest))
    assert sum("is missing" in problem for problem in checked(evidence).problems) == 2
    manifest["files"] = manifest["files"][:-2]
    (evidence.folder / "manifest.json").write_text(json.dumps(manifest))
    evidence.restate(set_in("model.external", [{"path": "a" * 400, "sha256": "0" * 64}]))
    assert any("is not beside it" in problem for problem in checked(evidence).problems)
    for place, model in ((tmp_path / ("a" * 400), evidence.model), (evidence.folder, tmp_path / ("a" * 400))):
        with pytest.raises(NoEvidenceError):
            verify(place, model)


def test_other_evidence_beside_it_is_mentioned(evidence: Evidence) -> None:
    both = evidence.folder.parent / "both"
    both.mkdir()
    evidence.folder.rename(both / "one")
    second = Evidence(both / "two", evidence.model)
    shutil.copytree(both / "one", second.folder)
    second.restate(set_in("model.sha256", "2" * 64))
    (found,) = verify(both, evidence.model)
    assert (found.exit_code, found.notes) == (0, ["1 beside it are about other models and were not checked"])


def test_names_that_the_terminal_has_no_signs_for(evidence: Evidence) -> None:
    place = evidence.folder.rename(evidence.folder.parent / "Prüfung 検証")
    command = [sys.executable, "-m", "bnnaudit.evidence.verify", str(place), "--model", str(evidence.model)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert r"Pr\xfcfung" in done.stdout


def with_header(evidence: Evidence, header: bytes) -> None:
    """Gives the array of originals another header and no values."""
    path = evidence.folder / "counterexamples.npz"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["original.npy"] = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    evidence.restate()


@pytest.mark.parametrize("header", [b"(" * 5000, b"\x00\xff" * 20, b"print(1)", b"{", b"\n"])
def test_a_header_that_is_no_header(evidence: Evidence, header: bytes) -> None:
    with_header(evidence, header)
    found = checked(evidence)
    assert (found.exit_code, len(found.problems)) == (1, 1)
    assert "original has a header that cannot be read" in found.problems[0]


def test_what_nobody_could_read_was_not_replayed(evidence: Evidence) -> None:
    (evidence.folder / "manifest.json").write_text('{"schema": "bnnaudit-evidence/1"}')
    assert as_text([checked(evidence)]).splitlines()[-1] == "FAIL      nothing could be replayed"
