"""Evidence about a tiny model, and copies of it to damage."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnaudit.cli.main import run
from tests.cli.conftest import write_model


@dataclass(frozen=True, slots=True)
class Evidence:
    """A folder of evidence and its model."""

    folder: Path
    model: Path

    @property
    def manifest(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text())
        return document

    def restate(self, change: Callable[[dict[str, Any]], object] = lambda manifest: None) -> None:
        """Changes the manifest, which then states the files as they are: a forger's work."""
        manifest = self.manifest
        change(manifest)
        for entry in manifest["files"]:
            path = self.folder / entry["path"]
            if path.is_file():
                content = path.read_bytes()
                entry |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        (self.folder / "manifest.json").write_text(json.dumps(manifest))

    def arrays(self) -> dict[str, np.ndarray]:
        with np.load(self.folder / "counterexamples.npz") as stored:
            return dict(stored)

    def rewrite(self, **arrays: np.ndarray) -> None:
        """Other arrays, without a word of it in the manifest."""
        np.savez_compressed(self.folder / "counterexamples.npz", **{**self.arrays(), **arrays})

    def zipped(self, path: Path) -> Path:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(self.folder.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(self.folder).as_posix())
        return path


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Made once, by the command line."""
    folder = tmp_path_factory.mktemp("evidence")
    model = folder / "tiny.onnx"
    write_model(model)
    data = folder / "images.npz"
    pixels = np.random.default_rng(1).integers(0, 256, (30, 1, 4, 4), dtype=np.uint8)
    np.savez(data, x=pixels)
    command = ["attack", model, "--data", data, "--eps", "16/255", "--image-bits", "8", "--method", "pgd++", "-q"]
    code = run([str(word) for word in (*command, "--evidence", folder / "found", "-o", folder / "report.txt")])
    assert code == 0
    return Evidence(folder / "found", model)


@pytest.fixture
def evidence(written: Evidence, tmp_path: Path) -> Evidence:
    """A copy to damage."""
    shutil.copytree(written.folder, tmp_path / "found")
    shutil.copy(written.model, tmp_path / "tiny.onnx")
    return Evidence(tmp_path / "found", tmp_path / "tiny.onnx")
