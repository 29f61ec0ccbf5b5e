"""`render`: whatever a run wrote comes again from its JSON, to the byte."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bnnaudit.reports.formats import ReportFormat
from tests.cli.conftest import Ran

Bnnaudit = Callable[..., Ran]
FEW = ("--samples", "20", "--quiet")
QUICK = (*FEW, "--eps", "0.2")


@pytest.fixture
def stored(bnnaudit: Bnnaudit, model: Path, data: Path, tmp_path: Path) -> Path:
    """What `attack` found, as JSON."""
    path = tmp_path / "stored.json"
    assert bnnaudit("attack", model, "--data", data, *QUICK, "-o", path).code == 0
    return path


def files(folder: Path, formats: list[ReportFormat]) -> list[str]:
    """The options that write every format to a folder, and the folder made."""
    folder.mkdir()
    return [word for format in formats for word in ("--report", f"{format}={folder / format}")]


def test_all_that_check_wrote_comes_again_to_the_byte(
    bnnaudit: Bnnaudit, model: Path, data: Path, tmp_path: Path
) -> None:
    now, later, formats = tmp_path / "now", tmp_path / "later", list(ReportFormat)
    ran = bnnaudit("check", model, "--data", data, "--effort", "quick", *QUICK, *files(now, formats))
    assert ran.code == 1, ran.err
    again = bnnaudit("render", now / ReportFormat.JSON, *files(later, formats))
    assert (again.code, again.err) == (0, "")
    for format in formats:
        assert (later / format).read_bytes() == (now / format).read_bytes(), format
    assert again.out == ran.out


def test_a_suite_and_what_could_not_be_audited_come_again_too(
    bnnaudit: Bnnaudit, model: Path, data: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    now, later = tmp_path / "now", tmp_path / "later"
    formats = [format for format in ReportFormat if format is not ReportFormat.INTOTO_PREDICATE]  # of one model alone
    ran = bnnaudit("check", model, broken, "--data", data, "--effort", "quick", *QUICK, *files(now, formats))
    assert ran.code == 2
    assert bnnaudit("render", now / ReportFormat.JSON, *files(later, formats)).code == 0
    for format in formats:
        assert (later / format).read_bytes() == (now / format).read_bytes(), format


@pytest.mark.parametrize(
    "words",
    [
        ["attack", "--method", "auto", "--budget", "20"],
        ["attack", "--method", "square", "--queries", "10"],
        ["attack", "--method", "pgd++", "--beta", "njs:0.05", "--surrogate", "tanh:0.3"],
        ["sweep", "--over", "radius", "--values", "0.1,0.2"],
        ["signal"],
    ],
    ids=lambda words: "-".join(words[::2]),
)
def test_what_other_commands_found_comes_again(
    bnnaudit: Bnnaudit, model: Path, data: Path, words: list[str], tmp_path: Path
) -> None:
    now, later = tmp_path / "now.json", tmp_path / "later.json"
    ran = bnnaudit(words[0], model, "--data", data, *FEW, *words[1:], "-o", now)
    assert ran.code == 0, ran.err
    assert bnnaudit("render", now, "-o", later).code == 0
    assert later.read_bytes() == now.read_bytes()


def test_a_failure_comes_again(bnnaudit: Bnnaudit, data: Path, tmp_path: Path) -> None:
    broken, now, later = tmp_path / "broken\udcff.onnx", tmp_path / "now", tmp_path / "later"
    broken.write_bytes(b"no model")
    formats = list(ReportFormat)
    assert bnnaudit("check", broken, "--data", data, *files(now, formats)).code == 2
    again = bnnaudit("render", now / ReportFormat.JSON, *files(later, formats))
    assert again.code == 0
    for format in formats:
        assert (later / format).read_bytes() == (now / format).read_bytes(), format


def test_stdin_is_read(bnnaudit: Bnnaudit, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stored.read_bytes())))
    piped = bnnaudit("render", "-", "--format", "json")
    assert (piped.code, piped.err) == (0, "")
    assert piped.out == stored.read_text()


def test_several_become_one_as_old_as_the_newest(bnnaudit: Bnnaudit, stored: Path, tmp_path: Path) -> None:
    document = json.loads(stored.read_text())
    older, suite, again = tmp_path / "older.json", tmp_path / "suite.json", tmp_path / "again.json"
    older.write_text(json.dumps({**document, "created": "2001-01-01T00:00:00+00:00"}))
    assert bnnaudit("render", older, stored, "-o", suite).code == 0
    written = json.loads(suite.read_text())
    assert (written["schema"], written["created"]) == ("bnnaudit-suite/1", document["created"])
    assert [entry["created"] for entry in written["entries"]] == ["2001-01-01T00:00:00+00:00", document["created"]]
    assert bnnaudit("render", suite, older, "-o", again).code == 0
    assert len(json.loads(again.read_text())["entries"]) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("", "it is not JSON from line 1, column 1"),
        ('{"schema": "bnnaudit-report/9"}', "another version of bnnaudit"),
        ('{"schema": "bnnaudit-report/1"}', "tool is missing"),
    ],
)
def test_what_is_no_report_is_one_line_and_no_clean_file(
    bnnaudit: Bnnaudit, tmp_path: Path, content: str | None, said: str
) -> None:
    path, page = tmp_path / "audit.json", tmp_path / "page.txt"
    page.write_text("PASS of an earlier run")
    if content is not None:
        path.write_text(content)
    ran = bnnaudit("render", path, "--report", page)
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert str(path) in ran.err
    assert said in ran.err
    assert "PASS" not in page.read_text()
    assert "exit code 2" in page.read_text()


def test_a_report_is_not_written_over_what_is_read(bnnaudit: Bnnaudit, stored: Path) -> None:
    before = stored.read_bytes()
    ran = bnnaudit("render", stored, "--report", f"terminal={stored}")
    assert ran.code == 2
    assert "is a report that is read" in ran.err
    assert stored.read_bytes() == before


def test_it_needs_no_torch(stored: Path) -> None:
    code = (
        f"import sys; from bnnaudit.cli.main import run; code = run(['render', {str(stored)!r}]);"
        "print(*(name for name in ('torch', 'onnx', 'onnxruntime') if name in sys.modules), file=sys.stderr);"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""


def test_what_comes_from_stdin_is_not_written_over(stored: Path) -> None:
    """`bnnaudit render - < report.json -o report.json`: the shell has opened it to be read."""
    before = stored.read_bytes()
    command = [sys.executable, "-m", "bnnaudit", "render", "-", "--format", "json", "-o", str(stored)]
    with stored.open("rb") as stream:
        ran = subprocess.run(command, stdin=stream, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.endswith("is a report that is read, -; name another file\n")
    assert stored.read_bytes() == before


def test_links_that_lead_to_one_another(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    (tmp_path / "loop.json").symlink_to("loop.json")
    ran = bnnaudit("render", tmp_path / "loop.json", "-o", tmp_path / "new.json")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_a_number_of_thousands_of_digits(bnnaudit: Bnnaudit, stored: Path) -> None:
    stored.write_text('{"schema": ' + "9" * 5000 + "}")
    ran = bnnaudit("render", stored)
    assert ran.code == 2
    assert "it holds a number that no report has (Exceeds the limit" in ran.err
    assert "set_int" not in ran.err
