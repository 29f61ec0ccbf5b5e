"""What PyTorch's compiler leaves behind when it is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import os, sys
from bnnaudit.zoo.compiler_folder import FOLDER, no_compiler_folder
with no_compiler_folder():
    import torch
    torch.optim.SGD([torch.ones(1)], 0.1)
    torch.use_deterministic_algorithms(True)
print(os.environ.get(FOLDER), 'torch._dynamo' in sys.modules)
"""


@pytest.mark.parametrize("chosen", [None, "mine"])
def test_no_folder_is_made_and_the_users_choice_is_kept(tmp_path: Path, chosen: str | None) -> None:
    """In a process of its own, as it is loaded only once."""
    (tmp_path / "mine").mkdir()
    value = None if chosen is None else str(tmp_path / chosen)
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path.cwd())}
    environment.pop("TORCHINDUCTOR_CACHE_DIR", None)
    environment |= {} if value is None else {"TORCHINDUCTOR_CACHE_DIR": value}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == [str(value), "True"]
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]
