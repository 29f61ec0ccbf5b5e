"""Which paths name what the process has open."""

import os
from pathlib import Path

import pytest

from bnnaudit.core.descriptors import can_write, descriptor_of

pytestmark = pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs names of descriptors")


@pytest.mark.parametrize(("name", "number"), [("/dev/stdout", 1), ("/dev/stderr", 2), ("/dev/fd/7", 7)])
def test_names_of_descriptors(name: str, number: int, tmp_path: Path) -> None:
    assert descriptor_of(Path(name)) == number
    (tmp_path / "link").symlink_to(name)
    (tmp_path / "again").symlink_to("link")
    assert descriptor_of(tmp_path / "again") == number


@pytest.mark.parametrize(
    "name",
    ["7", "/dev/null", "/dev/fd", "/dev/fd/x", "/dev/fd/²", f"/dev/fd/{'9' * 200}", "/dev/fd/-1", "a\0b/1", "a\0"],
)
def test_other_paths(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert descriptor_of(Path(name)) is None


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert descriptor_of(tmp_path / "loop") is None


def test_what_can_be_written_to() -> None:
    reading, writing = os.pipe()
    assert (can_write(reading), can_write(writing)) == (False, True)
    os.close(reading)
    os.close(writing)
    assert (can_write(reading), can_write(writing)) == (False, False)
