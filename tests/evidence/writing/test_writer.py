"""Evidence of models of every kind, written by the command line and checked by what needs ONNX Runtime alone."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from jsonschema import Draft202012Validator
from onnx import ModelProto, TensorProto, helper
from PIL import Image

from bnnaudit.auditing.confirmed import Confirmed
from bnnaudit.auditing.one_attack import run_one_attack
from bnnaudit.auditing.prepare import prepare
from bnnaudit.cli.main import run
from bnnaudit.core.attack import Pgd
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.core.trial import Trial
from bnnaudit.data import Sample
from bnnaudit.evidence.result import as_text
from bnnaudit.evidence.schema import evidence_schema
from bnnaudit.evidence.verify import verify
from bnnaudit.evidence.writing.case import Case
from bnnaudit.evidence.writing.writer import evidence_at
from bnnaudit.reports.formats import ReportFormat, render
from bnnaudit.reports.page import Page
from tests.evidence.conftest import Evidence
from tests.measurements.test_default_session import load, quantized_softmax
from tests.onnx_import.building import model_of, node

RNG = np.random.default_rng(3)
WEIGHTS = RNG.standard_normal((48, 3)).astype(np.float32)


def linear(shape: list[int | str], kind: int = TensorProto.FLOAT, weights: np.ndarray = WEIGHTS) -> ModelProto:
    """Three scores of 48 values; in the middle of the range none is far ahead."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    nodes = [node("Cast", "x", "f", to=TensorProto.FLOAT), node("Flatten", "f", "flat"), node("MatMul", "flat w")]
    assert dtype is not None
    return model_of(nodes, shape, {"w": weights}, 17, kind, [shape[0], weights.shape[1]])


def single_score() -> ModelProto:
    nodes = [node("Flatten", "x", "f"), node("MatMul", "f w", "z"), node("Sigmoid", "z")]
    return model_of(nodes, ["n", 3, 4, 4], {"w": WEIGHTS[:, :1] - WEIGHTS[:, :1].mean()}, 17, output_shape=["n", 1])


CASES: dict[str, tuple[ModelProto, list[str], tuple[int, ...]]] = {
    "plain": (linear(["n", 3, 4, 4]), [], (3, 4, 4)),
    "channels last, blue first, normalised": (
        linear(["n", 4, 4, 3]),
        ["--channels", "bgr", "--mean", "0.48,0.45,0.4", "--std", "0.22,0.24,0.26"],
        (3, 4, 4),
    ),
    "a range around zero": (linear(["n", 3, 4, 4]), ["--input-range=-1,1", "--norm", "l2", "--eps", "0.4"], (3, 4, 4)),
    "whole numbers in batches of four": (linear([4, 3, 4, 4], TensorProto.UINT8), [], (3, 4, 4)),
    "half precision": (linear(["n", 3, 4, 4], TensorProto.FLOAT16), [], (3, 4, 4)),
    "double precision": (linear(["n", 3, 4, 4], TensorProto.DOUBLE), ["--norm", "l2", "--l2-per-channel"], (3, 4, 4)),
    "one score": (single_score(), [], (3, 4, 4)),
    "an open size": (linear(["n", "c", "h", "w"]), ["--input-shape", "3,4,4"], (3, 4, 4)),
    "vectors": (linear(["n", 48]), [], (48,)),
}


@pytest.mark.parametrize("name", CASES)
def test_it_holds_for_every_kind_of_input(name: str, tmp_path: Path) -> None:
    model, options, shape = CASES[name]
    onnx.save(model, tmp_path / "model.onnx")
    np.savez(tmp_path / "x.npz", x=RNG.random((40, *shape), dtype=np.float32))
    command = ["attack", tmp_path / "model.onnx", "--data", tmp_path / "x.npz", "--eps", "0.15", *options, "-q"]
    assert run([str(word) for word in (*command, "--evidence", tmp_path / "e.zip", "-o", tmp_path / "report")]) == 0
    (found,) = verify(tmp_path / "e.zip", tmp_path / "model.onnx")
    assert (found.exit_code, found.problems, found.cannot) == (0, [], "")
    assert found.holding == found.counterexamples >= 5


def test_weights_beside_the_model_are_stated(tmp_path: Path) -> None:
    model, _, shape = CASES["plain"]
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    np.savez(tmp_path / "x.npz", x=RNG.random((40, *shape), dtype=np.float32))
    command = ["attack", tmp_path / "model.onnx", "--data", tmp_path / "x.npz", "--eps", "0.15", "-q"]
    assert run([str(word) for word in (*command, "--evidence", tmp_path / "e", "-o", tmp_path / "report")]) == 0
    (stated,) = json.loads((tmp_path / "e" / "manifest.json").read_text())["model"]["external"]
    weights = (tmp_path / "weights.bin").read_bytes()
    assert stated == {"path": "weights.bin", "sha256": hashlib.sha256(weights).hexdigest()}
    assert verify(tmp_path / "e", tmp_path / "model.onnx")[0].exit_code == 0
    (tmp_path / "weights.bin").write_bytes(weights[:-4] + b"\0\0\0\0")
    assert "weights.bin" in verify(tmp_path / "e", tmp_path / "model.onnx")[0].problems[0]


def test_the_manifest_follows_its_schema_and_names_what_was_written(written: Evidence) -> None:
    schema = evidence_schema("bnnaudit-evidence/1")
    Draft202012Validator.check_schema(schema)
    manifest = written.manifest
    Draft202012Validator(schema).validate(manifest)
    assert _described(schema)
    assert manifest["model"]["sha256"] == hashlib.sha256(written.model.read_bytes()).hexdigest()
    assert manifest["counterexamples"]["count"] == len(written.arrays()["label"])
    on_disk = {file.relative_to(written.folder).as_posix() for file in written.folder.rglob("*") if file.is_file()}
    assert {entry["path"] for entry in manifest["files"]} == on_disk - {"manifest.json"}
    report = json.loads((written.folder / "report.json").read_text())
    assert report["schema"] == "bnnaudit-report/1"
    assert report["model"]["sha256"] == manifest["model"]["sha256"]


def _described(schema: dict[str, Any]) -> bool:
    """Whether every entry of an object says what it is, and every object of ours has its keys required."""
    for key, entry in schema.get("properties", {}).items():
        assert "description" in entry or "const" in entry, key
        inner = entry.get("items", entry)
        for one in (inner, *inner.get("oneOf", [])):
            assert set(one.get("properties", {})) == set(one.get("required", [])), key
            _described(one)
    return True


def test_pictures_are_the_arrays_to_the_bit(written: Evidence) -> None:
    arrays = written.arrays()
    for row, index in enumerate(arrays["index"].tolist()):
        for kind in ("original", "adversarial"):
            file = written.folder / "pictures" / f"{index:06d}-{kind}.png"
            pixels = np.asarray(Image.open(io.BytesIO(file.read_bytes())))
            assert np.array_equal((pixels / 255).astype(np.float32), arrays[kind][row, 0])


def case(tmp_path: Path, serve_as: ServeAs) -> Case:
    """A quantized model whose default session rounds otherwise, and images near the line between two classes."""
    target = load(quantized_softmax(), tmp_path / "model.onnx")
    target = target.__class__(**{name: getattr(target, name) for name in target.__slots__} | {"serve_as": serve_as})
    images = torch.rand(300, 48, generator=torch.Generator().manual_seed(0))
    sample = Sample(images, None, torch.arange(300), DataFacts("noise", 300, "0" * 64, False))
    prepared = prepare(target, sample, 0, 256)
    trial = Trial(Pgd(), Threat(Norm.LINF, 0.02))
    report, adversarial = run_one_attack(prepared, trial, Provenance("0", "", ""))
    text = render(report, ReportFormat.JSON, Page(80))
    return Case(tmp_path / "model.onnx", prepared.target, adversarial.confirmed, report, text)


@pytest.mark.parametrize("serve_as", list(ServeAs))
def test_the_sessions_that_count_are_replayed(tmp_path: Path, serve_as: ServeAs) -> None:
    made = case(tmp_path, serve_as)
    with evidence_at(tmp_path / "e") as evidence:
        evidence.add(made)
    (found,) = verify(tmp_path / "e", made.model)
    assert (found.exit_code, found.problems) == (0, [])
    wanted = {"any": ("exact", "default"), "exact": ("exact",), "default": ("default",)}[serve_as]
    assert [session.split()[0] for session in found.sessions] == list(wanted)
    assert all(("no options" in session) == session.startswith("default") for session in found.sessions)
    assert found.holding >= 3
    (stated,) = [entry for entry in Evidence(tmp_path / "e", made.model).manifest["replay"]["sessions"][:1]]
    assert (stated["exact_sums"], stated["unfused"]) == ((wanted[0] == "exact"),) * 2


def changed(confirmed: Confirmed, change: Callable[[torch.Tensor], torch.Tensor]) -> Confirmed:
    return Confirmed(confirmed.original, change(confirmed.adversarial.clone()), confirmed.labels, confirmed.ids)


def test_what_does_not_hold_to_the_letter_is_left_out_and_counted(tmp_path: Path) -> None:
    """One image further away than rounding explains, one that is its own original."""
    made = case(tmp_path, ServeAs.ANY)

    def spoil(images: torch.Tensor) -> torch.Tensor:
        images[0] += 1e-5 * (images[0] - made.confirmed.original[0]).sign()
        images[1] = made.confirmed.original[1]
        return images

    spoiled = Case(made.model, made.target, changed(made.confirmed, spoil), made.report, made.report_text)
    with evidence_at(tmp_path / "e") as evidence:
        evidence.add(spoiled)
    counts = Evidence(tmp_path / "e", made.model).manifest["counterexamples"]
    assert counts == {"count": len(made.confirmed) - 2, "left_out": 2}
    assert verify(tmp_path / "e", made.model)[0].exit_code == 0


def test_no_counterexample_is_evidence_of_none(tmp_path: Path) -> None:
    made = case(tmp_path, ServeAs.ANY)
    nobody = made.confirmed.select(torch.zeros(len(made.confirmed), dtype=torch.bool))
    with evidence_at(tmp_path / "e.zip") as evidence:
        evidence.add(Case(made.model, made.target, nobody, made.report, made.report_text))
    (found,) = verify(tmp_path / "e.zip", made.model)
    assert (found.exit_code, found.counterexamples) == (0, 0)
    assert (
        as_text([found]).splitlines()[-1]
        == "OK        there is no counterexample, so this shows nothing about the model"
    )
    assert any("left out" in note for note in found.notes)


def test_several_cases_lie_in_folders_of_their_own(tmp_path: Path) -> None:
    made = case(tmp_path, ServeAs.ANY)
    with evidence_at(tmp_path / "e") as evidence:
        evidence.add(made, alone=False)
        evidence.add(made, alone=False)
    assert sorted(path.name for path in (tmp_path / "e").iterdir()) == ["model", "model-2"]
    found = verify(tmp_path / "e", made.model)
    assert [one.exit_code for one in found] == [0, 0]


def test_names_that_collide(tmp_path: Path) -> None:
    """Also with the numbers that are given to those of one name, and on systems that do not tell case apart."""
    made = case(tmp_path, ServeAs.ANY)
    stems = ["model-3", "Model", "model", "model", "model-2", "...", "é"]
    with evidence_at(tmp_path / "e") as evidence:
        for number, stem in enumerate(stems):
            place = tmp_path / str(number) / f"{stem}.onnx"
            place.parent.mkdir()
            place.write_bytes(made.model.read_bytes())
            evidence.add(replace(made, model=place), alone=False)
    assert len({path.name.lower() for path in (tmp_path / "e").iterdir()}) == len(stems)
    assert [one.exit_code for one in verify(tmp_path / "e", made.model)] == [0] * len(stems)


def test_the_same_evidence_is_the_same_file(tmp_path: Path) -> None:
    made = case(tmp_path, ServeAs.ANY)
    for name in ("a.zip", "b.zip"):
        with evidence_at(tmp_path / name) as evidence:
            evidence.add(made)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_model_that_changed_meanwhile_is_not_called_plain(tmp_path: Path) -> None:
    made = case(tmp_path, ServeAs.ANY)
    onnx.save(linear(["n", 48]), made.model)
    with evidence_at(tmp_path / "e") as evidence:
        evidence.add(made)
    replay = Evidence(tmp_path / "e", made.model).manifest["replay"]
    assert not replay["plain"]
    assert "another model" in replay["why"]
