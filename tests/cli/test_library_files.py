"""What libraries keep for themselves is thrown away, unless the user has a place for it."""

import os
import tempfile
from pathlib import Path

import pytest

from bnnaudit.cli.library_files import OF_MATPLOTLIB, PLACES, thrown_away


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a folder for temporary files, both empty."""
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for name in (*PLACES, *OF_MATPLOTLIB):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


def test_places_are_there_and_then_gone(home: Path) -> None:
    with thrown_away():
        places = [Path(os.environ[name]) for name in PLACES]
        assert all(place.is_dir() for place in places)
        (places[0] / "fonts.json").touch()
    assert not any(name in os.environ for name in PLACES)
    assert list((home.parent / "temporary").iterdir()) == []
    assert list(home.iterdir()) == []


def test_what_the_user_has_is_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".cache" / "matplotlib").mkdir(parents=True)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "mine")
    with thrown_away():
        assert "MPLCONFIGDIR" not in os.environ
        assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "mine"
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "mine"


def test_no_place_for_temporary_files_is_no_error(home: Path) -> None:
    (home.parent / "temporary").rmdir()
    with thrown_away():
        assert "MPLCONFIGDIR" not in os.environ
