"""All commands on a spread of bad input: the code, one line, and nothing changed or made that was not asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from itertools import product
from pathlib import Path

import pytest

from bnnaudit.cli.complaints import ISSUES, explained
from bnnaudit.cli.main import COMMANDS
from tests.cli.conftest import Ran

Bnnaudit = Callable[..., Ran]
FEW = ("--samples", "2", "-q")
LONG = "x" * 300
WORDS: dict[str, tuple[str, ...]] = {
    "check": ("{model}", "--data", "{data}", "--effort", "quick", "--substitute", "none", *FEW),
    "attack": ("{model}", "--data", "{data}", "--steps", "1", *FEW),
    "sweep": ("{model}", "--data", "{data}", "--over", "iterations", "--values", "1", *FEW),
    "signal": ("{model}", "--data", "{data}", *FEW),
    "clever": ("{model}", "--data", "{data}", "--batches", "5", "--draws", "1", *FEW),
    "reproduce": ("table13", "--model", "{model}", "--data", "{data}", *FEW),
    "inspect": ("{model}",),
    "verify": ("{data}", "--model", "{model}"),
    "compare": ("{report}", "{report}"),
    "history": ("--history", "{report}"),
    "render": ("{report}",),
    "explain": ("{model}",),
    "train": ("{card}",),
}
"""A use of each command; what stands in braces is the bad input's place."""
GOOD = {"model": "honest.onnx", "data": "images.npz", "report": "stored.json", "card": "recipe.toml"}
BAD = (
    "absent.bin",
    "",
    ".",
    LONG,
    f"{LONG}.onnx",
    "nul\0.onnx",
    "~nosuchuser/x.npz",
    "dangling.onnx",
    "loop.npz",
    "fifo.json",
    "/dev/null",
    "empty.onnx",
    "empty.npz",
    "empty.json",
    "junk.zip",
    "honest.onnx/inside",
)
WRITTEN = (
    "honest.onnx",
    "./images.npz",
    "folder",
    "absent/x.json",
    f"{LONG}.json",
    "nul\0.json",
    "loop.npz",
    "hard.npz",
    "link.npz",
    "recipe.toml",
    "",
    "-",
)


MAY_BE_FOLDERS = ("folder", "-", "absent/x.json")


@pytest.fixture
def place(folder: Path) -> Path:
    """The current folder, with files of the kinds that go wrong."""
    (folder / "folder").mkdir()
    (folder / "dangling.onnx").symlink_to("nowhere")
    (folder / "loop.npz").symlink_to("loop.npz")
    (folder / "link.npz").symlink_to("images.npz")
    (folder / "hard.npz").hardlink_to(folder / "images.npz")
    for name in ("empty.onnx", "empty.npz", "empty.json", "recipe.toml"):
        (folder / name).touch()
    (folder / "stored.json").write_text("{}")
    (folder / "junk.zip").write_bytes(b"PK junk")
    os.mkfifo(folder / "fifo.json")
    return folder


def state(place: Path) -> dict[str, str]:
    """Everything in the folder and what it holds."""
    return {
        str(path): sha256(path.read_bytes()).hexdigest() if path.is_file() else str(path.lstat().st_mode)
        for path in sorted(place.rglob("*"))
    }


def is_refused(ran: Ran) -> None:
    assert ran.code in {2, 3}, ran.err
    assert ran.err.count("\n") == 1, ran.err
    assert ran.err.startswith("bnnaudit: ")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("command", COMMANDS)
def test_bad_input_is_refused_and_nothing_is_touched(bnnaudit: Bnnaudit, place: Path, command: str) -> None:
    before = state(place)
    kinds = {kind for kind in GOOD if any(f"{{{kind}}}" in word for word in WORDS[command])}
    for kind, bad in product(sorted(kinds), BAD):
        named = {**GOOD, kind: bad}
        ran = bnnaudit(command, *(word.format(**named) for word in WORDS[command]))
        is_refused(ran)
        assert state(place) == before, (kind, bad)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "train"])
@pytest.mark.parametrize("option", ["--output", "--save", "--plot", "--report", "--evidence", "--history"])
def test_a_file_that_cannot_be_written_is_refused_before_the_work(
    bnnaudit: Bnnaudit, place: Path, command: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands without the option refuse that."""
    for opening in ("open_model_and_data", "inspect_model"):
        monkeypatch.setattr(f"bnnaudit.auditing.open.{opening}", lambda *_: pytest.fail("the work has begun"))
    before = state(place)
    good = ("FR301",) if command == "explain" else tuple(word.format(**GOOD) for word in WORDS[command])
    for written in WRITTEN:
        if option == "--history" and (command == "history" or written in MAY_BE_FOLDERS):
            continue
        if option == "--evidence" and written in MAY_BE_FOLDERS:
            continue
        is_refused(bnnaudit(command, *good, option, written))
        assert state(place) == before, written


def test_a_library_that_is_interrupted_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is imported, for one, it may turn KeyboardInterrupt into an error of its own."""
    monkeypatch.setattr("bnnaudit.cli.interrupts._heard", True)
    assert explained(SystemError("import failed"))[1] == 3


def test_a_bug_says_where_to_report_it() -> None:
    message, code = explained(ZeroDivisionError("oops"))
    assert code == 70
    assert ISSUES in message
    assert f'"{ISSUES}"' in (Path(__file__).parents[2] / "pyproject.toml").read_text()
