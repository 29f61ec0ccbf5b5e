"""Evidence appears whole or not at all, and in the place of nothing but evidence."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bnnaudit.core.errors import UsageError
from bnnaudit.evidence.writing.destination import publish, require_place, staged
from bnnaudit.evidence.writing.writer import evidence_at
from tests.evidence.conftest import Evidence


def contents(path: Path) -> dict[str, bytes]:
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def put(evidence: Evidence, path: Path) -> None:
    with staged(path) as folder:
        shutil.copytree(evidence.folder, folder, dirs_exist_ok=True)
        publish(folder, path)


@pytest.mark.parametrize("name", ["e", "e.zip"])
def test_an_error_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(RuntimeError), evidence_at(tmp_path / name):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["e", "e.zip"])
def test_an_error_leaves_the_evidence_that_was_there(written: Evidence, tmp_path: Path, name: str) -> None:
    put(written, tmp_path / name)
    before = contents(tmp_path)
    with pytest.raises(KeyboardInterrupt), evidence_at(tmp_path / name):
        raise KeyboardInterrupt
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["e", "e.zip"])
def test_evidence_takes_the_place_of_evidence(written: Evidence, tmp_path: Path, name: str) -> None:
    for _ in range(2):
        put(written, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    if name == "e":
        assert contents(tmp_path / "e") == contents(written.folder)


def test_an_empty_folder_may_be_filled(written: Evidence, tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    put(written, tmp_path / "e")
    assert contents(tmp_path / "e") == contents(written.folder)


def test_the_rights_are_those_of_a_new_folder(written: Evidence, tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    with evidence_at(tmp_path / "e"):
        pass
    assert (tmp_path / "e").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize(
    "what", ["file", "folder", "zip", "more", "hidden", "link", "evidence as a zip", "no parent", "other schema"]
)
def test_what_is_no_evidence_is_not_overwritten(written: Evidence, tmp_path: Path, what: str) -> None:
    place = tmp_path / "e"
    match what:
        case "file":
            place.write_text("mine")
        case "folder":
            (place / "photos").mkdir(parents=True)
            (place / "photos" / "cat.png").write_text("mine")
        case "zip":
            place = tmp_path / "e.zip"
            place.write_bytes(b"PK mine")
        case "more" | "hidden":
            shutil.copytree(written.folder, place)
            (place / (".notes" if what == "hidden" else "notes")).write_text("mine")
        case "link":
            shutil.copytree(written.folder, tmp_path / "elsewhere")
            place.symlink_to(tmp_path / "elsewhere")
        case "evidence as a zip":
            place = tmp_path / "e.zip"
            shutil.copytree(written.folder, place)
        case "no parent":
            place = tmp_path / "absent" / "e"
        case "other schema":
            place.mkdir()
            (place / "manifest.json").write_text('{"schema": "web-manifest/1"}')
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="evidence: "), evidence_at(place):
        raise AssertionError("asked before anything is done")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="written to"):
        require_place(tmp_path / "e")
