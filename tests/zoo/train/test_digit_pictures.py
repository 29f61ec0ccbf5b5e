"""The digits as PNG files: the same pixels, and the command that writes them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from bnnaudit.core.errors import UsageError
from bnnaudit.zoo.train.digit_pictures import main, write_digits
from tests.paths import ROOT


def test_every_digit_is_there(tmp_path: Path) -> None:
    assert write_digits(tmp_path / "pictures") == 1797
    written = sorted(
        np.asarray(Image.open(file)).tobytes() + file.parent.name.encode() for file in tmp_path.rglob("*.png")
    )
    levels, labels = load_digits(return_X_y=True)
    pixels = np.round(levels * (255 / 16)).astype(np.uint8)
    assert written == sorted(row.tobytes() + str(label).encode() for row, label in zip(pixels, labels, strict=True))


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there already"):
        write_digits(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [[], ["a", "b"], ["--help"], ["file/inside"]])
def test_what_cannot_be_done_is_one_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_it_is_a_command(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "bnnaudit.zoo.train.digit_pictures", str(tmp_path / "pictures")]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"1,797 pictures of 10 classes in {tmp_path / 'pictures'}\n"
    assert len(list((tmp_path / "pictures").iterdir())) == 10
