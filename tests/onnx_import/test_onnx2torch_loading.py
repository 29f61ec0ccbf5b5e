"""What is left out of onnx2torch at first comes with the operator that needs it."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys, warnings
warnings.simplefilter("ignore")
from bnnaudit.onnx_import.operators import is_supported, register
for operators in (["Conv"], ["Conv", "RoiAlign"]):
    register(operators)
    print(is_supported("Add", "", 17), is_supported("RoiAlign", "", 16), "torchvision" in sys.modules)
"""


def test_torchvision_is_loaded_for_its_operator_alone() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True False False", "True True True"]
