"""`--evidence` and `bnnaudit verify` as commands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from bnnaudit.evidence.verify import verify
from bnnaudit.evidence.writing import destination
from tests.cli.conftest import Ran, write_model
from tests.onnx_import.building import model_of, node
from tests.paths import ROOT, SAMPLE_MODELS, SHARED

Bnnaudit = Callable[..., Ran]
SIGNS = SHARED / "data" / "gtsrb_30x30_bnn.onnx"


def test_check_writes_evidence_that_verifies(bnnaudit: Bnnaudit, model: Path, data: Path, tmp_path: Path) -> None:
    place = tmp_path / "evidence.zip"
    ran = bnnaudit(
        "check", model, "--data", data, "--eps", "0.1", "--effort", "quick", "-q", "--format", "json",
        "--evidence", place,
    )  # fmt: skip
    report = json.loads(ran.out)
    verified = bnnaudit("verify", place, "--model", model)
    assert (verified.code, verified.err) == (0, "")
    assert verified.out.splitlines()[-1].startswith("OK")
    broken = (report["clean_accuracy"] - report["verdict"]["verified_accuracy"]) * report["extent"]["attacked"]
    document = json.loads(bnnaudit("verify", place, "--model", model, "--format", "json").out)
    (entry,) = document["evidence"]
    assert document["verified"]
    assert entry["holding"] == entry["counterexamples"] == round(broken) > 0


def test_a_checkpoint_is_opened_by_its_card(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    model = SAMPLE_MODELS / "digits-bnn-waq.safetensors"
    place = tmp_path / "evidence"
    ran = bnnaudit("attack", model, "--samples", 30, "--method", "pgd++", "-q", "--evidence", place)
    assert ran.code == 0
    verified = bnnaudit("verify", place, "--model", model)
    assert verified.code == 0, verified.out
    assert "no ONNX file; it was opened as the audit did" in verified.out
    arrays = dict(np.load(place / "counterexamples.npz"))
    assert len(arrays["label"]) > 5


def test_a_checkpoint_without_its_architecture(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    source = SAMPLE_MODELS / "digits-bnn-waq.safetensors"
    place = tmp_path / "evidence"
    assert bnnaudit("attack", source, "--samples", 20, "-q", "--evidence", place).code == 0
    bare = tmp_path / "weights.safetensors"
    bare.write_bytes(source.read_bytes())
    ran = bnnaudit("verify", place, "--model", bare)
    assert (ran.code, ran.out) == (2, "")
    assert "--arch" in ran.err


def test_what_is_wrong_ends_with_1(bnnaudit: Bnnaudit, model: Path, data: Path, tmp_path: Path) -> None:
    place = tmp_path / "evidence"
    bnnaudit("attack", model, "--data", data, "--eps", "0.1", "-q", "--evidence", place)
    (place / "report.json").write_text("{}")
    ran = bnnaudit("verify", place, "--model", model, "-o", tmp_path / "result.txt")
    assert (ran.code, ran.out) == (1, "")
    assert "WRONG     report.json" in (tmp_path / "result.txt").read_text()
    write_model(model)
    assert "another model" in bnnaudit("verify", place, "--model", model).out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("absent", "--model", "MODEL"), "no such file or folder"),
        (("MODEL", "--model", "MODEL"), "no evidence"),
        (("FOLDER", "--model", "MODEL"), "manifest.json is missing"),
        (("FOLDER", "--model", "absent.onnx"), "no such file"),
        (("FOLDER",), "model"),
    ],
)
def test_what_is_no_evidence_ends_with_2(
    bnnaudit: Bnnaudit, model: Path, tmp_path: Path, arguments: tuple[str, ...], word: str
) -> None:
    (tmp_path / "folder").mkdir()
    places = {"MODEL": model, "FOLDER": tmp_path / "folder"}
    ran = bnnaudit("verify", *(places.get(argument, argument) for argument in arguments))
    assert (ran.code, ran.out) == (2, "")
    assert word in ran.err
    assert len(ran.err.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["check", "attack"])
def test_a_place_that_is_taken_is_refused_before_any_work(
    bnnaudit: Bnnaudit, model: Path, data: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    ran = bnnaudit(command, model, "--data", data, "--evidence", tmp_path / "mine")
    assert (ran.code, ran.out) == (2, "")
    assert "is no evidence" in ran.err
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "mine"


def test_verifying_does_without_torch(bnnaudit: Bnnaudit, model: Path, data: Path, tmp_path: Path) -> None:
    place = tmp_path / "evidence"
    bnnaudit("attack", model, "--data", data, "--eps", "0.1", "-q", "--evidence", place)
    code = "import sys\nsys.modules['torch'] = sys.modules['onnx'] = None\nfrom bnnaudit.cli.main import main\nmain()"
    command = [sys.executable, "-c", code, "verify", str(place), "--model", str(model)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not SIGNS.exists(), reason=f"no public models in {SHARED / 'data'}")
def test_the_traffic_sign_network(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    place, data = tmp_path / "evidence", SHARED / "data" / "gtsrb_30x30_test2000.npz"
    ran = bnnaudit(
        "attack", SIGNS, "--data", data, "--input-range", "0,255", "--eps", "8/255", "--samples", 40,
        "--method", "auto", "--budget", 100, "-q", "--evidence", place,
    )  # fmt: skip
    assert ran.code == 0
    command = [sys.executable, "-m", "bnnaudit.evidence.verify", str(place), "--model", str(SIGNS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout
    arrays = dict(np.load(place / "counterexamples.npz"))
    assert len(arrays["label"]) >= 20
    assert f"{len(arrays['label'])} of {len(arrays['label'])} counterexamples hold" in done.stdout
    farther = arrays["adversarial"].copy()
    first = arrays["original"][0, 0, 0, 0]
    farther[0, 0, 0, 0] = first + (9 if first < 120 else -9)
    np.savez_compressed(place / "counterexamples.npz", **{**arrays, "adversarial": farther})
    ran = bnnaudit("verify", place, "--model", SIGNS)
    assert ran.code == 1
    assert "counterexamples.npz has the sha256" in ran.out or "bytes" in ran.out
    assert f"image {arrays['index'][0]}: it is " in ran.out


def test_a_file_that_the_runtime_alone_cannot_load(bnnaudit: Bnnaudit, data: Path, tmp_path: Path) -> None:
    """QONNX: its nodes are rewritten, and that graph is replayed."""
    rng = np.random.default_rng(0)
    nodes = [
        node("Flatten", "x", "f"),
        node("Sub", "f half", "centred"),
        node("BipolarQuant", "centred one", "b", domain="qonnx.custom_op.general"),
        node("MatMul", "b w"),
    ]
    constants = {"half": np.float32(0.5), "one": np.float32(1), "w": rng.standard_normal((16, 3)).astype(np.float32)}
    model = model_of(nodes, ["n", 1, 4, 4], constants, 17, output_shape=["n", 3])
    model.opset_import.add(domain="qonnx.custom_op.general", version=1)
    path, place = tmp_path / "quantized.onnx", tmp_path / "evidence"
    onnx.save(model, path)
    assert bnnaudit("attack", path, "--data", data, "--eps", "0.1", "-q", "--evidence", place).code == 0
    (alone,) = verify(place, path)
    assert (alone.exit_code, alone.problems) == (3, [])
    assert "ONNX Runtime alone cannot run this model as the audit did: ONNX Runtime cannot load" in alone.cannot
    ran = bnnaudit("verify", place, "--model", path)
    assert ran.code == 0, ran.out
    assert "it was opened as the audit did" in ran.out
    assert f"{alone.counterexamples} of {alone.counterexamples} counterexamples hold" in ran.out


def test_several_models_have_a_folder_each(bnnaudit: Bnnaudit, data: Path, tmp_path: Path) -> None:
    models = [tmp_path / "one.onnx", tmp_path / "two.onnx"]
    for scale, path in enumerate(models, start=1):
        write_model(path, scale)
    place, options = tmp_path / "evidence", ["--data", data, "--eps", "0.1", "--effort", "quick", "-q"]
    bnnaudit("check", *models, *options, "--evidence", place)
    assert sorted(path.name for path in place.iterdir()) == ["one", "two"]
    for path in models:
        ran = bnnaudit("verify", place, "--model", path)
        assert ran.code == 0, ran.out
        assert ran.out.startswith(f"Evidence  {place / path.stem}")


def test_evidence_of_an_earlier_run_does_not_outlive_a_run_that_fails(
    bnnaudit: Bnnaudit, model: Path, data: Path, tmp_path: Path
) -> None:
    place, options = tmp_path / "evidence", ["--eps", "0.1", "-q", "--evidence", tmp_path / "evidence"]
    assert bnnaudit("attack", model, "--data", data, *options).code == 0
    assert (place / "manifest.json").exists()
    model.write_bytes(b"no model")
    assert bnnaudit("attack", model, "--data", data, *options).code == 2
    assert not place.exists()


def test_evidence_that_cannot_be_written_costs_no_report(
    bnnaudit: Bnnaudit, model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "evidence")

    monkeypatch.setattr(destination, "_pack", full)
    report = tmp_path / "report.json"
    ran = bnnaudit(
        "check", model, "--data", data, "--eps", "0.1", "--effort", "quick", "-q",
        "--report", report, "--evidence", tmp_path / "evidence.zip",
    )  # fmt: skip
    assert ran.code == 2
    assert "No space left on device" in ran.err
    assert json.loads(report.read_text())["schema"] == "bnnaudit-report/1"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith((".", "evidence"))) == []
