"""What is audited stays on the machine: the libraries' own reports about it are off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT, SAMPLE_MODELS

VARIABLE = "ORT_DISABLE_TELEMETRY"


@pytest.mark.parametrize(("chosen", "kept"), [(None, "1"), ("0", "0")])
def test_it_is_off_unless_the_user_has_decided(chosen: str | None, kept: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    environment |= {} if chosen is None else {VARIABLE: chosen}
    code = f"import bnnaudit, os; print(os.environ[{VARIABLE!r}])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=ROOT
    )
    assert done.stdout.split() == [kept]


def test_a_model_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    """ONNX Runtime would keep an identifier of the device there, and what it has not sent yet."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bnnaudit", "inspect", str(SAMPLE_MODELS / "digits-ref.onnx"), "-q"]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    assert list(tmp_path.rglob("*")) == []
