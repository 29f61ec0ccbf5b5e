"""The scheduler's mask, on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = "import sys; from pathlib import Path; from bnnaudit.core.cpu_cores import usable_cores; "


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no mask of cores")
def test_one_core_of_the_mask(tmp_path: Path) -> None:
    code = f"import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1]); {COUNT}"
    code += f"print(usable_cores(Path({str(tmp_path)!r})), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"], "counted without loading what reads the environment"
