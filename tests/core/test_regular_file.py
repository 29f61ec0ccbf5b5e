"""Files that are read by name: what would never end, or never begin, is refused at once."""

import os
from pathlib import Path

import pytest

from bnnaudit.core.digest import sha256_of
from bnnaudit.core.errors import ReportError
from bnnaudit.core.regular_file import open_regular
from bnnaudit.reports.json.reading import read_file


def test_a_file_and_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as stream:
            assert stream.read() == b"content"


@pytest.mark.parametrize("name", ["pipe", "folder", "device", "link to a pipe"])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "link to a pipe").symlink_to("pipe")
    for read in (open_regular, sha256_of):
        with pytest.raises(OSError, match="not a file, but a folder, a pipe or a device"):
            read(tmp_path / name)
    with pytest.raises(ReportError, match="not a file"):
        read_file(tmp_path / name)


def test_a_pipe_that_takes_the_place_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two looks at it."""
    (tmp_path / "file").touch()
    found = (tmp_path / "file").stat()
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(Path, "stat", lambda self: found)
    with pytest.raises(OSError, match="not a file"):
        open_regular(tmp_path / "pipe")


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "absent")
