"""Small files that would hang or fill a machine: each ends within seconds, with one line and exit code 2.

Every command runs in a process of its own, whose time and memory the system counts.
"""

import io
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.models.checkpoint.hostile_pickles import HOSTILE, zipped
from tests.paths import ROOT

MODEL = ROOT / "sample_models" / "digits-ref.onnx"
SECONDS = 60
MEMORY = 4 * 2**20
"""KiB: the most that any file may take, though importing PyTorch takes 0.6 GiB of it and none should take much more."""


def png(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("1", size).save(buffer, "PNG")
    return buffer.getvalue()


def zip_with(name: str, content: bytes = b"", method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def npz_of_zeros() -> bytes:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (8388608, 8, 8), }\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(2**29)
    return zip_with("x.npy", content, zipfile.ZIP_DEFLATED)


def images(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros((4, 8, 8), np.uint8), **arrays)
    return buffer.getvalue()


CASES: Mapping[str, tuple[str, Callable[[], bytes], list[str]]] = {
    "a pickle that doubles": ("m.pt", lambda: zipped(HOSTILE["a key that doubles"]), ["inspect", "m.pt"]),
    "a deep pickle": ("m.pth", lambda: zipped(HOSTILE["a deep key"]), ["inspect", "m.pth", "--arch", "cnn"]),
    "zeros in a checkpoint": (
        "m.pt",
        lambda: zipped(b"\x80\x02}.", zipfile.ZIP_DEFLATED, **{"data/0": bytes(10**8)}),
        ["inspect", "m.pt"],
    ),
    "an .npz of zeros": ("d.npz", npz_of_zeros, ["check", str(MODEL), "--data", "d.npz"]),
    "an endless range": (
        "d.npz",
        lambda: images(input_range=np.array([-np.inf, np.inf])),
        ["check", str(MODEL), "--data", "d.npz"],
    ),
    "folders in folders": (
        "d.zip",
        lambda: zip_with("a/" * 32_000 + "x.png"),
        ["check", str(MODEL), "--data", "d.zip"],
    ),
    "a huge picture": (
        "d.zip",
        lambda: zip_with("a.png", png((20_000, 20_000))),
        ["check", str(MODEL), "--data", "d.zip"],
    ),
    "dotted keys": ("m.toml", lambda: b"a" + b".a" * 40_000 + b"=1", ["check", str(MODEL), "--card", "m.toml"]),
    "lists in lists": ("m.toml", lambda: b"a=" + b"[" * 90_000, ["check", str(MODEL), "--card", "m.toml"]),
    "a huge network": (
        "m.toml",
        lambda: b'[architecture]\nname="mlp"\noptions={hidden=[40000,40000]}\ninput_shape=[64]',
        ["inspect", "w.safetensors", "--card", "m.toml"],
    ),
    "a huge input": (
        "m.toml",
        lambda: b'[architecture]\nname="cnn"\ninput_shape=[1,4000,4000]',
        ["inspect", "c.safetensors", "--card", "m.toml"],
    ),
    "no end of restarts": (
        "m.toml",
        lambda: b"[attack]\nrestarts=2000000000",
        ["attack", str(MODEL), "--card", "m.toml"],
    ),
}


def run_measured(arguments: list[str], folder: Path) -> tuple[int, float, int, str]:
    """Exit code, seconds, KiB at most, and stderr of a command."""
    with (folder / "stderr").open("wb") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "bnnaudit", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        timer = threading.Timer(SECONDS, process.kill)
        timer.start()
        _, status, used = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    shown = (folder / "stderr").read_text(encoding="utf-8")
    return process.returncode, time.perf_counter() - start, used.ru_maxrss, shown


@pytest.mark.parametrize("name", CASES)
def test_small_files_that_would_fill_a_machine(tmp_path: Path, name: str) -> None:
    file, make, arguments = CASES[name]
    from bnnaudit.zoo.architectures import ARCHITECTURES

    save_file({"w": torch.ones(1)}, tmp_path / "w.safetensors")
    save_file(ARCHITECTURES["cnn"]().state_dict(), tmp_path / "c.safetensors")
    (tmp_path / file).write_bytes(make())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code, seconds, memory, shown = run_measured(arguments, tmp_path)
    assert (code, len(shown.splitlines())) == (2, 1), shown
    assert shown.startswith("bnnaudit: ")
    assert seconds < SECONDS
    assert memory < MEMORY
    (tmp_path / "stderr").unlink()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
