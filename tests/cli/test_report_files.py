"""Reports in files: which format, what is refused before any work is done, and what is there when an audit fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bnnaudit.cli.report_files import report_file
from bnnaudit.core.errors import UsageError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.reports.formats import SUFFIXES, WRITE_EVERYTHING, ReportFormat
from bnnaudit.reports.json.reading import read_any, read_document
from tests.cli.conftest import Ran, write_model

Bnnaudit = Callable[..., Ran]
ALL = tuple(ReportFormat)
QUICK = ("--data", "images.npz", "--effort", "quick", "--samples", "20", "--eps", "0.3", "--substitute", "none")


@pytest.fixture
def folder(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with images and an honest network."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path / "honest.onnx", scale=0.05)
    return tmp_path


def schema_of(path: Path) -> str:
    return json.loads(path.read_text())["schema"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_suffix_tells_the_format(folder: Path, suffix: str) -> None:
    found = report_file(f"audit{suffix}", ALL)
    assert (found.format, found.path) == (SUFFIXES[suffix], Path(f"audit{suffix}"))
    assert report_file(f"AUDIT{suffix.upper()}", ALL).format is SUFFIXES[suffix]


@pytest.mark.parametrize("format", ReportFormat)
def test_a_name_before_the_suffix(folder: Path, format: ReportFormat) -> None:
    assert report_file(f"{format}=audit.txt", ALL).format is format
    assert report_file(f"{format.upper()}=audit", ALL).format is format
    assert report_file("./a=b.json", ALL) == report_file("json=./a=b.json", ALL)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("jsn=audit.json", "did you mean json"),
        ("html5=audit", "known: terminal, json"),
        ("audit", ".txt, .json"),
        ("audit.pdf", ".txt, .json"),
        ("json=", "empty"),
        ("", "empty"),
        ("json=-", "not a file"),
        ("json=.", "folder"),
        ("json=absent/audit.json", "absent"),
    ],
)
def test_what_cannot_be_written_is_refused(folder: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=r"^report: ") as caught:
        report_file(text, ALL)
    assert told in str(caught.value)


def test_a_document_that_is_no_report_goes_into_every_format_that_takes_it(bnnaudit: Bnnaudit, folder: Path) -> None:
    other = next(format for format in ReportFormat if format not in WRITE_EVERYTHING)
    ran = bnnaudit("inspect", "honest.onnx", "--report", f"{other}=facts")
    assert ran.code == 2
    assert "not a format this command writes" in ran.err
    assert bnnaudit("inspect", "honest.onnx", "--report", "facts.json", "--report", "facts.txt").code == 0
    assert json.loads((folder / "facts.json").read_text())["num_classes"] == 3
    assert "3 classes" in (folder / "facts.txt").read_text()


def test_it_is_refused_before_anything_heavy_is_loaded(folder: Path) -> None:
    code = (
        "import sys; from bnnaudit.cli.main import run\n"
        "for words in (['jsn=a'], ['a.pdf'], ['honest.onnx'], ['a.json', '--report', 'a.json'], ['json=images.npz']):\n"
        "    assert run(['check', 'honest.onnx', '--data', 'images.npz', '--report', *words]) == 2, words\n"
        "assert run(['check', 'honest.onnx', '-o', 'a.pdf', '--report', './a.pdf']) == 2\n"
        "sys.exit(bool({'torch', 'numpy', 'onnx'} & set(sys.modules)))\n"
    )
    before = {path: path.read_bytes() for path in folder.iterdir()}
    env = {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 6
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_every_report_that_is_asked_for(bnnaudit: Bnnaudit, folder: Path) -> None:
    """All formats at once; stdout holds what --format says."""
    words = [word for format in ReportFormat for word in ("--report", f"{format}=audit.{format}")]
    ran = bnnaudit("check", "honest.onnx", *QUICK, "--format", "json", *words)
    assert ran.code == 0, ran.err
    for format in ReportFormat:
        assert (folder / f"audit.{format}").stat().st_size > 100, format
    assert (folder / "audit.json").read_text() == ran.out


@pytest.mark.parametrize(
    ("words", "format"),
    [
        (("-o", "a.json"), "json"),
        (("-o", "a.txt"), "terminal"),
        (("-o", "a"), "terminal"),
        (("-o", "a.log"), "terminal"),
        (("-o", "a.txt", "--format", "json"), "json"),
        (("-o", "a.json", "--format", "terminal"), "terminal"),
    ],
)
def test_the_format_of_the_output(bnnaudit: Bnnaudit, folder: Path, words: tuple[str, ...], format: str) -> None:
    assert bnnaudit("attack", "honest.onnx", "--data", "images.npz", "--steps", "1", *words).code == 0
    assert (folder / words[1]).read_text().startswith("{") is (format == "json")


def test_the_end_of_the_report_still_goes_to_stdout(bnnaudit: Bnnaudit, folder: Path) -> None:
    ran = bnnaudit("check", "honest.onnx", *QUICK, "-o", "audit.json")
    assert 1 <= ran.out.count("\n") <= 20
    assert ran.out.splitlines()[-1].startswith("PASS")
    assert schema_of(folder / "audit.json") == "bnnaudit-report/1"


def broken(*arguments: object, **options: object) -> object:
    raise ZeroDivisionError("oops")


def interrupted(*arguments: object, **options: object) -> object:
    raise KeyboardInterrupt


def full(*arguments: object, **options: object) -> object:
    raise MemoryError


@pytest.mark.parametrize("old", ["", '{"schema": "bnnaudit-report/1", "passed": true}'])
@pytest.mark.parametrize(("error", "code"), [(broken, 70), (interrupted, 3), (full, 3)])
def test_a_file_never_looks_clean_after_an_audit_that_failed(
    bnnaudit: Bnnaudit, folder: Path, monkeypatch: pytest.MonkeyPatch, error: object, code: int, old: str
) -> None:
    for name in ("audit.json", "other.json", "audit.txt"):
        if old:
            (folder / name).write_text(old)
    monkeypatch.setattr("bnnaudit.auditing.run.prepare", error)
    ran = bnnaudit(
        "check", "honest.onnx", *QUICK, "--report", "audit.json", "-o", "other.json", "--report", "audit.txt"
    )
    assert (ran.code, ran.out, ran.err.count("\n")) == (code, "", 1)
    for name in ("audit.json", "other.json"):
        failure = read_document((folder / name).read_text(), name)
        assert (failure.exit_code, failure.model) == (code, "honest.onnx")
        assert failure.message in ran.err
    assert "PASS" not in (folder / "audit.txt").read_text()
    assert "honest.onnx" in (folder / "audit.txt").read_text()


@pytest.mark.parametrize(
    "words",
    [
        ("absent.onnx",),
        ("nothing-*.onnx",),
        ("broken.onnx",),
        ("honest.onnx", "--data", "absent.npz"),
        ("honest.onnx", "--card", "card.toml"),
        ("honest.onnx", "--require", "no-such-check"),
    ],
)
def test_bad_input_replaces_the_report_of_an_earlier_run(
    bnnaudit: Bnnaudit, folder: Path, words: tuple[str, ...]
) -> None:
    (folder / "broken.onnx").write_bytes(b"no model")
    (folder / "card.toml").write_text("[policy]\nmin_clean = 90\n")
    (folder / "audit.json").write_text("{}")
    given = QUICK if "--data" not in words else QUICK[2:]
    ran = bnnaudit("check", *given, *words, "--report", "audit.json")
    assert ran.code == 2
    failure = read_document((folder / "audit.json").read_text(), "audit.json")
    assert failure.message in ran.err


@pytest.mark.parametrize("command", ["attack", "sweep", "signal", "clever"])
def test_other_commands_say_in_their_files_why_there_is_no_report(
    bnnaudit: Bnnaudit, folder: Path, command: str
) -> None:
    (folder / "honest.onnx").write_bytes(b"no model")
    more = ("--over", "radius") if command == "sweep" else ()
    assert bnnaudit(command, "honest.onnx", "--data", "images.npz", *more, "--report", "audit.json").code == 2
    assert schema_of(folder / "audit.json") == "bnnaudit-failure/1"


def test_a_failure_never_replaces_a_model_or_data(bnnaudit: Bnnaudit, folder: Path) -> None:
    """What a card that cannot be read names as its data is not known."""
    (folder / "honest.toml").write_text("[data]\nsource = 'images.npz'\nsample = 3\n")
    before = (folder / "images.npz").read_bytes()
    assert bnnaudit("check", "honest.onnx", "--report", "json=images.npz").code == 2
    assert (folder / "images.npz").read_bytes() == before


def test_a_report_that_cannot_be_read_back_is_a_bug(
    bnnaudit: Bnnaudit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bnnaudit.core.errors import ReportError

    def unreadable(text: str, where: str) -> object:
        if json.loads(text)["schema"] == "bnnaudit-report/1":
            raise ReportError("it is none")
        return read_any(text, where)

    monkeypatch.setattr("bnnaudit.reports.json.reading.read_any", unreadable)
    ran = bnnaudit("check", "honest.onnx", *QUICK, "--report", "audit.json")
    assert (ran.code, ran.out) == (ExitCode.BUG, "")
    assert schema_of(folder / "audit.json") == "bnnaudit-failure/1"


def test_every_format_is_written_from_what_the_json_holds(
    bnnaudit: Bnnaudit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document that is other than its JSON does not show it."""
    from dataclasses import replace

    def another(text: str, where: str) -> object:
        read = read_any(text, where)
        return replace(read, model=replace(read.model, path="another.onnx"))

    monkeypatch.setattr("bnnaudit.reports.json.reading.read_any", another)
    bnnaudit("check", "honest.onnx", *QUICK, "--report", "audit.txt")
    assert "another.onnx" in (folder / "audit.txt").read_text()


def test_a_sweep_and_an_attack_in_every_format(bnnaudit: Bnnaudit, folder: Path) -> None:
    np.savez(folder / "few.npz", x=np.load(folder / "images.npz")["x"][:5])
    for command in (("attack",), ("sweep", "--over", "iterations", "--values", "1,2"), ("signal",)):
        ran = bnnaudit(*command, "honest.onnx", "--data", "few.npz", "--report", "out.json", "--report", "out.txt")
        assert ran.code == 0, ran.err
        assert schema_of(folder / "out.json") == "bnnaudit-report/1"
        assert (folder / "out.txt").read_text().strip()


@pytest.mark.parametrize("written", ["pictures/a/0.png", "pictures/a/new.png", "weights.onnx_data", "w.data", "0.JPG"])
@pytest.mark.parametrize("option", ["-o", "--report=html"])
def test_what_is_named_like_data_or_weights_is_not_replaced(
    bnnaudit: Bnnaudit, folder: Path, option: str, written: str
) -> None:
    place = folder / written
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"mine")
    words = (option, written) if option == "-o" else (f"{option}={written}",)
    ran = bnnaudit("check", "honest.onnx", *QUICK, "--data", "pictures", *words)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert place.read_bytes() == b"mine"


def test_a_plot_does_not_replace_an_image_of_the_data(bnnaudit: Bnnaudit, folder: Path) -> None:
    (folder / "pictures" / "a").mkdir(parents=True)
    (folder / "pictures" / "a" / "0.png").write_bytes(b"mine")
    ran = bnnaudit("signal", "honest.onnx", "--data", "pictures", "--plot", "pictures/a/../a/0.png")
    assert (ran.code, ran.err) == (2, "bnnaudit: plot: pictures/a/../a/0.png is the data; name another file\n")
    assert (folder / "pictures" / "a" / "0.png").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("attack", "--save", "pipe.npz"), "save"),
        (("signal", "--plot", "pipe.svg"), "plot"),
        (("attack", "--report", "json=pipe.svg"), "report"),
        (("attack", "-o", "pipe.svg"), "output"),
    ],
)
def test_the_option_is_named_that_could_not_be_written(
    bnnaudit: Bnnaudit, folder: Path, words: tuple[str, ...], option: str
) -> None:
    """A pipe that nobody reads."""
    for name in ("pipe.npz", "pipe.svg"):
        os.mkfifo(folder / name)
    data = ("--data", "images.npz", "--samples", "5", "-q")
    ran = bnnaudit(words[0], "honest.onnx", *data, *words[1:])
    assert ran.code == 2
    assert ran.err.startswith(f"bnnaudit: {option}: pipe.")
    assert ran.err.endswith(f"choose another --{option}\n")


def test_a_failure_that_nobody_takes_is_told_once(bnnaudit: Bnnaudit, folder: Path) -> None:
    os.mkfifo(folder / "pipe.json")
    ran = bnnaudit("check", "absent.onnx", "-o", "pipe.json", "--report", "json=pipe.json")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "absent.onnx" in ran.err


def test_only_check_keeps_a_history(bnnaudit: Bnnaudit, folder: Path) -> None:
    """It is one of verdicts, and an attack reaches none."""
    ran = bnnaudit("attack", "honest.onnx", "--data", "images.npz", "--history", "kept")
    assert (ran.code, "No such option: --history" in ran.err) == (2, True)
    assert not (folder / "kept").exists()


def test_names_that_are_no_utf_8(bnnaudit: Bnnaudit, folder: Path) -> None:
    """Of the model, the data and a report."""
    name = os.fsdecode(b"caf\xe9")
    (folder / "honest.onnx").rename(folder / f"{name}.onnx")
    (folder / "images.npz").rename(folder / f"{name}.npz")
    (folder / name).mkdir()
    words = ("--effort", "quick", "--samples", "20", "--eps", "0.3", "--substitute", "none", "-q")
    ran = bnnaudit("check", f"{name}.onnx", "--data", f"{name}.npz", *words, "--report", f"{name}/{name}.json")
    assert (ran.code, ran.err) == (0, "")
    assert r"caf\xe9.npz" in ran.out
    assert json.loads((folder / name / f"{name}.json").read_text())["exit_code"] == 0
