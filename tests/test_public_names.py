"""What `import bnnaudit` gives: every public name, typed, and nothing loaded before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import bnnaudit
from tests.paths import ROOT

SOURCE = Path(bnnaudit.__file__).read_text(encoding="utf-8")


def run(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *options, code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_each_name_is_there_and_comes_from_where_type_checkers_look() -> None:
    """The imports that only a type checker sees, `__all__` and the table of homes name the same."""
    imports = next(node for node in ast.parse(SOURCE).body if isinstance(node, ast.If)).body
    seen = {
        (node.module or "", alias.name) for node in imports if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == {(f"bnnaudit.{home}", name) for home, names in bnnaudit._HOMES.items() for name in names}
    assert sorted(name for _, name in seen) == sorted(bnnaudit.__all__)
    for name in bnnaudit.__all__:
        assert getattr(bnnaudit, name).__name__ == name
        assert name in dir(bnnaudit)


def test_another_name_is_none() -> None:
    with pytest.raises(AttributeError, match="module 'bnnaudit' has no attribute 'adit'"):
        bnnaudit.adit  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError):
        from bnnaudit import adit  # type: ignore[attr-defined]  # noqa: F401


def test_importing_it_loads_nothing_and_a_report_is_read_without_torch() -> None:
    heavy = "{'torch', 'onnx', 'onnxruntime', 'pydantic'} & set(sys.modules)"
    done = run(
        f"import sys, bnnaudit; print(sorted(name for name in sys.modules if name.startswith('bnnaudit')), {heavy})",
        "-c",
    )
    assert done.stdout == "['bnnaudit'] set()\n", done.stderr
    done = run(
        f"import sys; from bnnaudit import Report, Policy, Threat, read_report; print({heavy} - {{'pydantic'}})", "-c"
    )
    assert done.stdout == "set()\n", done.stderr


def test_users_of_mypy_see_the_types(tmp_path: Path) -> None:
    program = tmp_path / "user.py"
    program.write_text(
        "import numpy as np\n"
        "from torch import nn\n"
        "import bnnaudit\n"
        "from bnnaudit import Limits, Norm, Policy, Threat\n"
        "images, labels = np.zeros((9, 4, 4)), [0] * 9\n"
        "report = bnnaudit.audit(nn.Identity(), (images, labels), Threat(Norm.LINF, 0.1), Policy(Limits(min_clean=0.9)))\n"
        "page: str = report.to_html()\n"
        "reveal_type(report)\n"
        "reveal_type(report.verdict)\n"
        "bnnaudit.audit('m.onnx', samples='many')\n"
        "bnnaudit.adit\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--follow-imports=silent", str(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert [line.partition("  [")[0] for line in lines[:2]] == [
        'note: Revealed type is "bnnaudit.library.report.Report"',
        'note: Revealed type is "bnnaudit.core.report.Verdict | None"',
    ]
    assert [line.rpartition("[")[2] for line in lines if line.startswith("error")] == ["arg-type]", "attr-defined]"], (
        done
    )


def test_the_wheel_has_all_that_is_no_code(tmp_path: Path) -> None:
    """The marker of its types, schemas, templates and style sheets: whatever of the package git keeps that is no module."""
    built = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(built, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    package = Path(bnnaudit.__file__).parent
    files = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {Path(name).suffix for name in files} >= {".py", ".json", ".j2", ".css"}
    assert "bnnaudit/py.typed" in files
    assert files <= names
    assert {name for name in names if not name.startswith("bnnaudit-")} == files
