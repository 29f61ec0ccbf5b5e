"""The limits on what a file may take, on the command line: they hold unless they are lifted there, and nowhere else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bnnaudit.core.file_limits import MOST_CLASSES, REPORT_VALUES
from bnnaudit.models.onnx import reading
from bnnaudit.reports.json import reading as reports
from tests.cli.conftest import Ran, write_model

Bnnaudit = Callable[..., Ran]


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model with more classes than are allowed."""
    monkeypatch.setattr(reading, "MOST_CLASSES", replace(MOST_CLASSES, most=2))
    path = tmp_path / "large.onnx"
    write_model(path)
    return path


def test_what_is_beyond_them_is_bad_input(bnnaudit: Bnnaudit, large: Path) -> None:
    ran = bnnaudit("inspect", large)
    assert ran.code == 2
    assert ran.out == ""
    assert "3 classes, more than 2 are refused (--limits none" in ran.err
    assert ran.err.count("\n") == 1


def test_they_can_be_lifted_for_one_command(bnnaudit: Bnnaudit, large: Path) -> None:
    assert bnnaudit("inspect", large, "--limits", "none").code == 0
    assert bnnaudit("inspect", large).code == 2


def test_a_card_cannot_lift_them(bnnaudit: Bnnaudit, large: Path) -> None:
    large.with_suffix(".toml").write_text('[run]\nlimits = "none"\n')
    ran = bnnaudit("inspect", large)
    assert ran.code == 2
    assert "limits" in ran.err


def test_other_words_are_refused(bnnaudit: Bnnaudit, large: Path) -> None:
    ran = bnnaudit("inspect", large, "--limits", "some")
    assert ran.code == 2
    assert "some" in ran.err


def test_commands_that_read_reports_have_them_too(
    bnnaudit: Bnnaudit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = tmp_path / "a.json"
    written.write_text("[1, 2, 3, 4]")
    monkeypatch.setattr(reports, "REPORT_VALUES", replace(REPORT_VALUES, most=3))
    for words in (("render", written), ("compare", written, written)):
        assert "up to 4 values, more than 3 are refused (--limits none" in bnnaudit(*words).err
        ran = bnnaudit(*words, "--limits", "none")
        assert ran.code == 2
        assert "the document is a list" in ran.err
