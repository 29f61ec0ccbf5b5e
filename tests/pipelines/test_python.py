"""The guide's examples for Python, as they are printed: a test of a release, and two logs of experiments."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import bnnaudit
from tests.paths import SAMPLE_MODELS
from tests.pipelines.snippets import snippets

SHORT = 12
"""Lines of an example: what fits beside a reader's own code."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model, its images and a setting that keeps audits short, in the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLE_MODELS / "digits-ref-at.onnx", tmp_path / "model.onnx")
    shutil.copy(SAMPLE_MODELS / "digits-test.npz", tmp_path / "images.npz")
    settings = '[audit]\neffort = "quick"\n[data]\nsamples = 60\n'
    (tmp_path / "bnnaudit.toml").write_text(settings, encoding="utf-8")
    return tmp_path


def example(holds: str) -> str:
    (text,) = snippets("python", holds)
    assert text.count("\n") <= SHORT
    return text


def pytest_in(folder: Path) -> str:
    """What pytest, run there with this bnnaudit, counts in its last line."""
    root = str(Path(bnnaudit.__file__).parents[1])
    command = f"import sys, pytest; sys.path.insert(0, {root!r}); sys.exit(pytest.main(['-q']))"
    done = subprocess.run([sys.executable, "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    counted = done.stdout.splitlines()[-1].partition(" in ")[0]
    assert done.returncode == ("failed" in counted), done.stdout
    return counted


@pytest.mark.parametrize(("sample", "failed"), [("digits-ref-at", False), ("digits-bnn-waq", True)])
def test_pytest_passes_or_fails_with_the_gate(folder: Path, sample: str, failed: bool) -> None:
    """At 8/255 ordinary PGD leaves the binary network most of its accuracy, and the attacks of the audit do not."""
    shutil.copy(SAMPLE_MODELS / f"{sample}.onnx", folder / "model.onnx")
    (folder / "test_release.py").write_text(example("test_the_model_may_be_released"), encoding="utf-8")
    assert pytest_in(folder) == ("1 failed" if failed else "1 passed")
    assert (folder / "audit.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_readme_s_call_prints_saves_and_raises(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = example("print(report.verdict.verified_accuracy)")
    exec(call, {})
    *page, figure = capsys.readouterr().out.splitlines()
    assert page[0].split()[:2] == ["Model", "model.onnx,"]
    assert page[-1].startswith("PASS  gate passed; model: robust-as-claimed")
    assert figure.startswith("Estimate(value=")
    shutil.copy(SAMPLE_MODELS / "digits-bnn-waq.onnx", folder / "model.onnx")
    (folder / "audit.html").unlink()
    with pytest.raises(bnnaudit.GateFailedError, match="FR30"):
        exec(call, {})
    assert (folder / "audit.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_network_in_training_is_audited_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    images = torch.rand(40, 1, 3, 3)
    network = nn.Sequential(nn.Flatten(), nn.Linear(9, 2))
    labels = network((images - 0.5) / 0.25).argmax(1)
    loader = DataLoader(TensorDataset((images - 0.5) / 0.25, labels), batch_size=8)
    exec(
        example('bnnaudit.audit(network, test_loader, "linf:8/255", mean='),
        {"bnnaudit": bnnaudit, "network": network, "test_loader": loader},
    )
    printed = capsys.readouterr().out
    assert "Data      DataLoader of TensorDataset (normalisation undone), 40 images" in printed
    assert "Clean     100.0 %" in printed
    assert network.training


class Noted:
    """What a log of experiments was given."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    @contextmanager
    def run(self, **_options: object) -> Iterator[Any]:
        yield SimpleNamespace(log=self.given.update, summary=self.given, save=self.save)

    def text(self, text: str, name: str) -> None:
        self.given[name] = text

    def save(self, path: str, policy: str) -> None:
        self.given[f"{path}, {policy}"] = Path(path).read_text(encoding="utf-8")


def check(given: dict[str, Any], html: str, stored: str) -> None:
    document = json.loads(given[stored])
    assert given[html].startswith("<!doctype html>")
    assert given["verified"] == document["verdict"]["verified_accuracy"]
    assert given["clean"] == document["clean_accuracy"]
    assert given["gate"] == document["gate"]["outcome"]
    assert given["verdict"] == document["verdict"]["status"]
    assert all(type(value) in (float, str) for value in given.values())


def test_what_mlflow_is_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted, mlflow = Noted(), ModuleType("mlflow")
    vars(mlflow).update(
        start_run=noted.run, log_metrics=noted.given.update, set_tags=noted.given.update, log_text=noted.text
    )
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    exec(example("mlflow"), {})
    check(noted.given, "audit.html", "audit.json")


def test_what_weights_and_biases_is_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted, wandb = Noted(), ModuleType("wandb")
    vars(wandb).update(init=noted.run, Html=lambda text, inject: text if not inject else np.nan)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    exec(example("wandb"), {})
    check(noted.given, "audit", "audit.json, now")
