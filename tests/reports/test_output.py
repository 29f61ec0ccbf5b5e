import os
import re
import stat
from pathlib import Path

import pytest

from bnnaudit.core.errors import UsageError
from bnnaudit.reports.output import write_atomically


def test_the_whole_text_is_there_and_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "report.txt", "é\n")
    assert (tmp_path / "report.txt").read_bytes() == "é\n".encode()
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.txt"]


def test_a_file_that_is_replaced_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_text("old")
    path.chmod(0o640)
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_gets_the_rights_that_any_new_file_gets(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    write_atomically(tmp_path / "report.txt", "new")
    assert (tmp_path / "report.txt").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_to_as_it_is() -> None:
    write_atomically(Path(os.devnull), "gone\n")
    assert not Path(os.devnull).is_file()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs names of descriptors")
def test_a_file_that_is_open_already_is_added_to_and_not_replaced(tmp_path: Path) -> None:
    path, link = tmp_path / "log", tmp_path / "report.txt"
    path.write_text("before\n")
    with path.open("a") as log:
        link.symlink_to(f"/dev/fd/{log.fileno()}")
        write_atomically(Path(f"/dev/fd/{log.fileno()}"), "report\n")
        write_atomically(link, "again\n")
        log.write("after\n")
    assert path.read_text() == "before\nreport\nagain\nafter\n"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["log", "report.txt"]


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs names of descriptors")
def test_a_pipe_that_is_open_already_is_written_to() -> None:
    reading, writing = os.pipe()
    write_atomically(Path(f"/dev/fd/{writing}"), "report\n")
    os.close(writing)
    with os.fdopen(reading) as stream:
        assert stream.read() == "report\n"


def test_a_relative_path_needs_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_atomically(Path("report.txt"), "text")
    assert (tmp_path / "report.txt").read_text() == "text"


@pytest.mark.parametrize(("name", "why"), [("missing/report.txt", "no folder"), ("folder", "is a folder")])
def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=f"output: .*{why}") as caught:
        write_atomically(tmp_path / name, "text")
    assert "\n" not in str(caught.value)


def test_a_folder_without_the_right_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)  # a test may run as root, whom no folder refuses
    with pytest.raises(UsageError, match=re.escape("report.txt cannot be written (Permission denied)")):
        write_atomically(tmp_path / "report.txt", "text")


def test_a_write_that_breaks_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.txt"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UsageError, match="No space left on device"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.txt"]
