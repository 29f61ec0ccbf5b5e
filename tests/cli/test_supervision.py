"""Code of the user's that ends the program: no such end is taken for a verdict, and what is delivered is not changed by one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.cli.waiting import GENEROUS, wait_for
from tests.networks.checkpoints import write_checkpoint

NETS = """
import atexit, os, signal, time
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(16, 3))

class OnForward(Net):
    def forward(self, images):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls > {calls}:
            {end}
        return super().forward(images)

def on_build():
    {end}

def after_all():
    atexit.register(os._exit, {code})
    return Net()

def slow():
    open("began", "w").close()
    time.sleep(600)
"""
ENDS = {
    "SystemExit": "raise SystemExit(0)",
    "os._exit": "os._exit(0)",
    "abort": "os.abort()",
    "exec": "os.execv('/bin/true', ['true'])",
}
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    write_checkpoint(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), tmp_path / "m.safetensors")
    np.savez(tmp_path / "images.npz", x=np.random.default_rng(0).random((20, 1, 4, 4), dtype=np.float32))
    return tmp_path


def command(name: str, *others: str) -> list[str]:
    options = ["--data", "images.npz", "--input-shape", "1,4,4", "--eps", "0.1", "--effort", "quick", "-q"]
    return [sys.executable, "-m", "bnnaudit", "check", "m.safetensors", "--arch", name, *options, *others]


def checked(
    folder: Path, name: str, *others: str, end: str = "pass", code: int = 0, calls: int = 0
) -> subprocess.CompletedProcess[str]:
    """`bnnaudit check` as its own program, in a folder with code of the user's."""
    (folder / "nets.py").write_text(NETS.format(end=end, code=code, calls=calls))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])}
    return subprocess.run(
        command(name, *others),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=GENEROUS,
        check=False,
    )


def test_a_network_that_ends_nothing_is_audited_as_ever(folder: Path) -> None:
    done = checked(folder, "nets:Net", "--format", "json")
    assert done.returncode == json.loads(done.stdout)["exit_code"] == 0
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("where", "calls", "end"),
    [*(("on_build", 0, end) for end in ENDS), ("OnForward", 6, "SystemExit"), ("OnForward", 6, "os._exit")],
)
def test_an_end_before_the_verdict_is_bad_input(folder: Path, where: str, calls: int, end: str) -> None:
    done = checked(folder, f"nets:{where}", "--report", "audit.json", end=ENDS[end], calls=calls)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("bnnaudit: ")
    document = json.loads((folder / "audit.json").read_text())
    assert (document["schema"], document["exit_code"]) == ("bnnaudit-failure/1", 2)


@pytest.mark.parametrize("code", [0, 1, 70])
def test_an_end_after_the_verdict_changes_nothing(folder: Path, code: int) -> None:
    done = checked(folder, "nets:after_all", "--format", "json", "--min-verified", "1", code=code)
    document = json.loads(done.stdout)
    assert done.returncode == document["exit_code"]
    assert done.returncode in (1, 3)


def test_an_interrupt_of_the_codes_own_is_no_pass(folder: Path) -> None:
    assert checked(folder, "nets:on_build", end="raise KeyboardInterrupt").returncode == 3
    assert checked(folder, "nets:on_build", end="os.kill(os.getpid(), signal.SIGKILL)").returncode == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_child(folder: Path, number: int) -> None:
    (folder / "nets.py").write_text(NETS.format(end="pass", code=0, calls=0))
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        command("nets:slow"), cwd=folder, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        wait_for((folder / "began").exists, running)
        running.send_signal(number)
        _, said = running.communicate(timeout=GENEROUS)
    assert running.returncode == 3
    assert "interrupted" in said


@pytest.mark.parametrize("number", [0, 1, 2, 3, 70])
def test_only_the_delivered_code_counts(number: int) -> None:
    program = (
        "import os; from bnnaudit.cli.supervision import SUPERVISION as s; s.allow(); s.enter('a:b');"
        f"s.deliver({number}); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == number
