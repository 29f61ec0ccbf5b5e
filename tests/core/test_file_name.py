"""Names of files that are no text, and homes that nobody has."""

import os
from pathlib import Path

import pytest

from bnnaudit.core.file_name import expanded, followed, shown


def test_bytes_that_are_no_utf_8_are_spelled_out() -> None:
    assert shown(os.fsdecode(b"a\xff/b.png")) == "a\\xff/b.png"
    assert shown(Path("ä.png")) == "ä.png"
    shown(os.fsdecode(bytes(range(1, 256)))).encode("utf-8")


def test_a_home_that_nobody_has_is_a_folder_of_that_name() -> None:
    assert expanded(Path("~nosuchuser/x")) == Path("~nosuchuser/x")
    assert expanded(Path("~/x")) == Path.home() / "x"


def test_links_that_lead_to_one_another(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to("file")
    assert followed(tmp_path / "loop").name == "loop"
    assert followed(tmp_path / "link") == tmp_path.resolve() / "file"


def test_a_name_that_no_file_can_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert followed(Path("a\0b")) == followed(tmp_path) / "a\0b"
