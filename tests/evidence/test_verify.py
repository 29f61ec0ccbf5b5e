"""What is checked of evidence: everything that somebody may have changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from bnnaudit.evidence.errors import NoEvidenceError
from bnnaudit.evidence.result import LISTED, Verification, as_json, as_text, exit_code
from bnnaudit.evidence.schema import evidence_schema
from bnnaudit.evidence.verify import main, verify
from tests.cli.conftest import write_model
from tests.evidence.conftest import Evidence

ROOT = Path(__file__).parents[2]


def only(found: list[Verification]) -> Verification:
    assert len(found) == 1
    return found[0]


def failed(evidence: Evidence, *words: str, place: Path | None = None) -> Verification:
    """The check fails with one problem that says what is wrong."""
    result = only(verify(place or evidence.folder, evidence.model))
    assert result.exit_code == 1
    assert len(result.problems) == 1, result.problems
    for word in words:
        assert word in result.problems[0], result.problems
    return result


def test_evidence_holds(evidence: Evidence, tmp_path: Path) -> None:
    count = len(evidence.arrays()["label"])
    assert count >= 5
    for place in (evidence.folder, evidence.zipped(tmp_path / "found.zip")):
        result = only(verify(place, evidence.model))
        assert (result.exit_code, result.problems, result.cannot) == (0, [], "")
        assert result.counterexamples == result.inside == result.clean == result.fooled == result.holding == count
        assert "L-inf 16/255 in 0..1, 8-bit pixels" in result.threat
        assert "float32 1x4x4, nchw" in result.input


def test_one_pixel_outside_the_ball(evidence: Evidence) -> None:
    images = evidence.arrays()["adversarial"]
    original = evidence.arrays()["original"]
    shift = 17 / 255 if original[2, 0, 1, 1] < 0.5 else -17 / 255
    images[2, 0, 1, 1] = np.float32(round(255 * float(original[2, 0, 1, 1] + shift)) / 255)
    evidence.rewrite(adversarial=images)
    evidence.restate()
    index = evidence.arrays()["index"][2]
    result = failed(evidence, f"image {index}", "it is 0.0666", "more than 0.0627")
    assert result.inside == result.counterexamples - 1
    assert result.holding <= result.inside


def test_one_pixel_between_the_values_that_count(evidence: Evidence) -> None:
    images = evidence.arrays()["adversarial"]
    images[0, 0, 0, 0] = evidence.arrays()["original"][0, 0, 0, 0] * np.float32(0.999) + np.float32(1e-4)
    evidence.rewrite(adversarial=images)
    evidence.restate()
    failed(evidence, "between 8-bit pixels")


@pytest.mark.parametrize("value", [1.001, -0.001, np.nan, np.inf])
def test_one_pixel_outside_the_range(evidence: Evidence, value: float) -> None:
    images = evidence.arrays()["adversarial"]
    images[1, 0, 3, 3] = value
    evidence.rewrite(adversarial=images)
    evidence.restate()
    failed(evidence, "it leaves the range 0..1")


def test_an_original_that_is_given_as_its_own_adversary(evidence: Evidence) -> None:
    arrays = evidence.arrays()
    arrays["adversarial"][1] = arrays["original"][1]
    evidence.rewrite(**arrays)
    evidence.restate()
    result = failed(evidence, "it is classified correctly")
    assert result.inside == result.counterexamples
    assert result.fooled == result.counterexamples - 1


def test_an_original_of_another_class_than_stated(evidence: Evidence) -> None:
    arrays = evidence.arrays()
    arrays["original"][1] = arrays["adversarial"][1]
    evidence.rewrite(**arrays)
    evidence.restate()
    failed(evidence, "the original is classified as", "not as stated")


def test_labels_that_were_changed_to_make_a_success(evidence: Evidence) -> None:
    arrays = evidence.arrays()
    arrays["label"][0] = (arrays["label"][0] + 1) % 3
    evidence.rewrite(**arrays)
    evidence.restate()
    failed(evidence, "the original is classified as")


def test_a_digest_that_was_changed(evidence: Evidence) -> None:
    manifest = evidence.manifest
    entry = next(entry for entry in manifest["files"] if entry["path"] == "report.json")
    entry["sha256"] = "0" * 64
    (evidence.folder / "manifest.json").write_text(json.dumps(manifest))
    failed(evidence, "report.json has the sha256", "as stated")


def test_another_model(evidence: Evidence) -> None:
    write_model(evidence.model, scale=2.0)
    result = failed(evidence, "another model", "tiny.onnx has the sha256", evidence.manifest["model"]["sha256"])
    assert result.holding == 0


def test_a_report_about_another_model(evidence: Evidence) -> None:
    report = json.loads((evidence.folder / "report.json").read_text())
    report["model"]["sha256"] = "1" * 64
    (evidence.folder / "report.json").write_text(json.dumps(report))
    evidence.restate()
    failed(evidence, "report.json is about another model")


def test_a_picture_that_was_changed_is_missing_or_too_many(evidence: Evidence) -> None:
    picture = next(iter(sorted(evidence.folder.glob("pictures/*.png"))))
    content = picture.read_bytes()
    picture.write_bytes(content[:-1] + b"!")
    failed(evidence, picture.name, "sha256")
    picture.write_bytes(content + b"!")
    failed(evidence, picture.name, "longer")
    picture.unlink()
    failed(evidence, picture.name, "is missing")
    picture.write_bytes(content)
    (evidence.folder / "pictures" / "extra.png").write_bytes(content)
    failed(evidence, "pictures/extra.png is not stated")


def test_a_file_that_was_cut_off(evidence: Evidence) -> None:
    path = evidence.folder / "counterexamples.npz"
    path.write_bytes(path.read_bytes()[:-40])
    result = only(verify(evidence.folder, evidence.model))
    assert result.exit_code == 1
    assert any("shorter than the stated" in problem for problem in result.problems)
    assert any("damaged or cut off" in problem for problem in result.problems)
    evidence.restate()
    failed(evidence, "damaged or cut off")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_whose_content_cannot_be_unpacked(evidence: Evidence, tmp_path: Path, method: int) -> None:
    """Each method has errors of its own."""
    place = tmp_path / "found.zip"
    with zipfile.ZipFile(place, "w", method) as archive:
        for file in sorted(evidence.folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(evidence.folder).as_posix())
        start = archive.getinfo("manifest.json").header_offset + 30 + len("manifest.json")
    content = bytearray(place.read_bytes())
    content[start + 12 : start + 60] = b"\xff" * 48
    place.write_bytes(content)
    with pytest.raises(NoEvidenceError, match=r"manifest\.json is damaged"):
        verify(place, evidence.model)


def test_a_zip_that_was_cut_off(evidence: Evidence, tmp_path: Path) -> None:
    place = evidence.zipped(tmp_path / "found.zip")
    place.write_bytes(place.read_bytes()[:-200])
    with pytest.raises(NoEvidenceError, match="damaged or cut off"):
        verify(place, evidence.model)


def test_a_manifest_that_was_cut_off(evidence: Evidence) -> None:
    path = evidence.folder / "manifest.json"
    path.write_text(path.read_text()[:-30])
    with pytest.raises(NoEvidenceError, match=r"manifest\.json is damaged or cut off"):
        verify(evidence.folder, evidence.model)


def test_a_manifest_that_cannot_be_unpacked(evidence: Evidence, tmp_path: Path) -> None:
    place = tmp_path / "found.zip"
    with zipfile.ZipFile(place, "w") as archive:
        archive.write(evidence.folder / "manifest.json", "manifest.json")
    content = place.read_bytes()
    place.write_bytes(content.replace(b"bnnaudit-evidence/1", b"bnnaudit-evidence/2", 1))  # its CRC is another now
    with pytest.raises(NoEvidenceError, match=r"manifest\.json is damaged"):
        verify(place, evidence.model)


def test_what_is_dangerous_to_read_and_no_evidence(evidence: Evidence, tmp_path: Path) -> None:
    """Such as any folder that a link lies in."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "link").symlink_to(evidence.folder)
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("../outside.txt", "x")
    for name in ("mine", "mine.zip"):
        with pytest.raises(NoEvidenceError, match="no evidence"):
            verify(tmp_path / name, evidence.model)


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/passwd", "a/../../b", "C:/x", "a\\b", "a//b", "."])
def test_names_that_lead_out_of_the_evidence(evidence: Evidence, tmp_path: Path, name: str) -> None:
    place = evidence.zipped(tmp_path / "found.zip")
    with zipfile.ZipFile(place, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), "x")
    failed(evidence, "refused", place=place)
    evidence.restate(lambda manifest: manifest["files"][0].update(path=name))
    failed(evidence, "refused")


def test_links_are_not_followed(evidence: Evidence, tmp_path: Path) -> None:
    (evidence.folder / "pictures" / "link.png").symlink_to("/etc/passwd")
    failed(evidence, "is a link")
    (evidence.folder / "pictures" / "link.png").unlink()
    place = evidence.zipped(tmp_path / "found.zip")
    entry = zipfile.ZipInfo("link.png")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(place, "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    failed(evidence, "is a link", place=place)


def test_a_file_that_would_fill_the_disk(evidence: Evidence, tmp_path: Path) -> None:
    place = evidence.zipped(tmp_path / "found.zip")
    with zipfile.ZipFile(place, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb", "w") as stream:
        for _ in range(80):
            stream.write(bytes(1 << 20))
    failed(evidence, "bomb would unpack", "refused", place=place)


def test_arrays_that_would_fill_the_memory(evidence: Evidence) -> None:
    evidence.rewrite(original=np.zeros((5000, 1, 64, 64), np.float32))
    evidence.restate()
    failed(evidence, "counterexamples.npz: original would unpack", "refused")
    evidence.restate(lambda manifest: manifest["counterexamples"].update(count=2**39))
    assert any(
        "more than 8,589,934,592 are refused" in problem
        for problem in only(verify(evidence.folder, evidence.model)).problems
    )


def test_two_files_of_one_name(evidence: Evidence, tmp_path: Path) -> None:
    place = evidence.zipped(tmp_path / "found.zip")
    with zipfile.ZipFile(place, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("manifest.json", "{}")
    failed(evidence, "two files of one name", place=place)


def other(arrays: dict[str, np.ndarray], name: str, dtype: str) -> dict[str, np.ndarray]:
    return {name: arrays[name].astype(dtype)}


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: other(arrays, "original", "f8"),
        lambda arrays: other(arrays, "label", "i4"),
        lambda arrays: {"original": np.asfortranarray(arrays["original"])},
        lambda arrays: {"adversarial": arrays["adversarial"][:-1]},
        lambda arrays: {"before": arrays["before"][:, 0]},
        lambda arrays: {"index": np.array([{}] * len(arrays["index"]), dtype=object)},
    ],
    ids=["doubles", "narrow labels", "by columns", "one image less", "no sessions", "pickled objects"],
)
def test_arrays_that_are_not_as_the_manifest_says(
    evidence: Evidence, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
) -> None:
    evidence.rewrite(**change(evidence.arrays()))
    evidence.restate()
    failed(evidence, "counterexamples.npz")


def test_an_array_that_is_missing(evidence: Evidence) -> None:
    arrays = evidence.arrays()
    del arrays["after"]
    np.savez_compressed(evidence.folder / "counterexamples.npz", **arrays)
    evidence.restate()
    failed(evidence, "lacks after")


def set_to(*path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        for key in path[:-1]:
            manifest = manifest[key]
        manifest[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (set_to("threat", "eps", value="0.1"), "threat.eps"),
        (set_to("threat", "eps", value=-1), "threat.eps"),
        (set_to("threat", "eps", value=float("nan")), "damaged"),
        (set_to("threat", "box", value=[1.0, 0.0]), "threat.box"),
        (set_to("threat", "box", value=[0.0, 10**400]), "threat.box"),
        (set_to("threat", "norm", value="l7"), "threat.norm"),
        (set_to("threat", "grid", value={"first": [0, 0], "last": [1, 1], "steps": [255, 255]}), "threat.grid"),
        (set_to("replay", "input", "std", value=[0.0]), "replay.input.std"),
        (set_to("replay", "input", "mean", value=[0.0, 1.0]), "replay.input.mean"),
        (set_to("replay", "input", "shape", value=[1, 4, 5]), "replay.input.shape"),
        (set_to("replay", "input", "batch", value=0), "replay.input.batch"),
        (set_to("replay", "input", "dtype", value="object"), "replay.input.dtype"),
        (set_to("replay", "sessions", value=[]), "replay.sessions"),
        (set_to("replay", "threads", value=10**9), "replay.threads"),
        (set_to("model", "sha256", value="abc"), "model.sha256"),
        (set_to("model", "external", value=[{"path": "../w.bin", "sha256": "0" * 64}]), "refused"),
        (set_to("files", value={}), "files"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_manifest_that_says_what_cannot_be(
    evidence: Evidence, change: Callable[[dict[str, Any]], None], word: str
) -> None:
    manifest = evidence.manifest
    change(manifest)
    (evidence.folder / "manifest.json").write_text(json.dumps(manifest))
    failed(evidence, word)


def test_a_manifest_that_never_ends(evidence: Evidence) -> None:
    (evidence.folder / "manifest.json").write_text("[" * 200_000)
    with pytest.raises(NoEvidenceError, match=r"manifest\.json is damaged"):
        verify(evidence.folder, evidence.model)


def test_what_is_no_evidence(evidence: Evidence, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("nothing")
    empty = tmp_path / "empty"
    empty.mkdir()
    other = tmp_path / "other"
    other.mkdir()
    (other / "manifest.json").write_text('{"schema": "something/2"}')
    for place, word in ((text, "no evidence"), (empty, "manifest.json is missing"), (other, "something/2")):
        with pytest.raises(NoEvidenceError, match=word):
            verify(place, evidence.model)
    with pytest.raises(NoEvidenceError, match="no such"):
        verify(tmp_path / "absent", evidence.model)
    with pytest.raises(NoEvidenceError, match="no such model"):
        verify(evidence.folder, tmp_path / "absent.onnx")


def test_weights_beside_the_model_are_checked(evidence: Evidence) -> None:
    weights = evidence.model.parent / "weights.bin"
    weights.write_bytes(b"weights")
    stated = {"path": "weights.bin", "sha256": hashlib.sha256(b"weights").hexdigest()}
    evidence.restate(set_to("model", "external", value=[stated]))
    assert only(verify(evidence.folder, evidence.model)).exit_code == 0
    weights.write_bytes(b"others")
    failed(evidence, "weights.bin", "holds weights of the model", "sha256")
    weights.unlink()
    failed(evidence, "weights.bin", "is not beside it")


def test_a_model_that_needs_more_than_the_runtime(evidence: Evidence) -> None:
    evidence.restate(lambda manifest: manifest["replay"].update(plain=False, why="its graph is not sorted"))
    result = only(verify(evidence.folder, evidence.model))
    assert (result.exit_code, result.problems) == (3, [])
    assert (
        result.cannot
        == "by the evidence, ONNX Runtime alone cannot run this model as the audit did: its graph is not sorted"
    )
    assert result.inside == result.counterexamples
    assert "UNKNOWN" in as_text([result])
    rescued = only(
        verify(
            evidence.folder, evidence.model, lambda model, manifest: [lambda images: np.zeros(len(images), np.int64)]
        )
    )
    assert rescued.exit_code == 1
    assert "opened as the audit did" in rescued.notes[0]


def test_an_output_that_is_not_there(evidence: Evidence) -> None:
    evidence.restate(set_to("replay", "input", "output", value="absent\x1b[31m"))
    result = only(verify(evidence.folder, evidence.model))
    assert result.exit_code == 3
    assert "\x1b" not in as_text([result])


def test_of_several_that_of_the_model_is_checked(evidence: Evidence, tmp_path: Path) -> None:
    both = tmp_path / "both"
    both.mkdir()
    evidence.folder.rename(both / "one")
    second = Evidence(both / "two", evidence.model)
    shutil.copytree(both / "one", both / "two")
    second.restate(set_to("model", "sha256", value="2" * 64))
    place = Evidence(both, evidence.model).zipped(tmp_path / "both.zip")
    for where in (both, place):
        result = only(verify(where, evidence.model))
        assert result.exit_code == 0
        assert result.evidence.endswith("one")
    write_model(evidence.model, scale=3.0)
    failed(evidence, "another model", "one", "two", place=both)


def test_many_problems_are_counted(evidence: Evidence) -> None:
    arrays = evidence.arrays()
    arrays["adversarial"] = arrays["original"]
    evidence.rewrite(**arrays)
    evidence.restate()
    result = only(verify(evidence.folder, evidence.model))
    count = len(arrays["label"])
    assert len(result.problems) == min(count, LISTED + 1)
    assert result.problems[-1] == f"and {count - LISTED} more counterexamples that do not hold"


ALONE = """
import runpy, sys
for name in ("torch", "onnx", "typer", "rich", "pydantic", "PIL", "torchvision", "jinja2", "click", "scipy"):
    sys.modules[name] = None
try:
    runpy.run_module("bnnaudit.evidence.verify", run_name="__main__")
finally:
    others = [name for name in sys.modules if name.startswith("bnnaudit.")]
    print([name for name in others if not name.startswith("bnnaudit.evidence")], file=sys.stderr)
"""


def test_it_runs_alone(evidence: Evidence) -> None:
    """In a process in which nothing but Python, numpy and ONNX Runtime can be imported."""
    command = [sys.executable, "-c", ALONE, str(evidence.folder), "--model", str(evidence.model)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("OK")
    assert done.stderr.splitlines() == ["[]"]


def test_its_own_command_line(evidence: Evidence, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([str(evidence.folder), "--model", str(evidence.model), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["verified"] is True
    assert main([str(tmp_path / "absent"), "--model", str(evidence.model)]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.startswith("verify: ")
    assert len(streams.err.splitlines()) == 1


def test_the_result_as_json_follows_its_schema(evidence: Evidence) -> None:
    schema = evidence_schema("bnnaudit-verification/1")
    Draft202012Validator.check_schema(schema)
    result = only(verify(evidence.folder, evidence.model))
    refused = Verification("x", "y", problems=["no"])
    for found in ([result], [refused], [result, refused]):
        document = json.loads(as_json(found))
        Draft202012Validator(schema).validate(document)
        assert document["verified"] == (exit_code(found) == 0)
        assert set(document["evidence"][0]) == set(schema["properties"]["evidence"]["items"]["properties"])


def test_something_wrong_comes_before_what_could_not_be_run() -> None:
    well, wrong, unknown = Verification("", ""), Verification("", "", problems=["x"]), Verification("", "", cannot="y")
    assert [exit_code(found) for found in ([well], [wrong, unknown], [well, unknown], [])] == [0, 1, 3, 0]
