import subprocess
import sys


def test_reports_start_without_torch_and_numpy() -> None:
    code = (
        "import sys; import bnnaudit.reports.table, bnnaudit.reports.terminal.inspection, bnnaudit.reports.terminal.explanation; "
        "sys.exit(' '.join(name for name in ('torch', 'numpy', 'onnx') if name in sys.modules) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
