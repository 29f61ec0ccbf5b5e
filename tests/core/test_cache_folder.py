"""The user's cache: where it is, and that files come there whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from bnnaudit.core.cache_folder import cache_folder, kept_whole


@pytest.mark.parametrize(
    ("stated", "expected"),
    [("/var/mine", "/var/mine/bnnaudit"), ("", "home/.cache/bnnaudit"), ("relative", "home/.cache/bnnaudit")],
)
def test_it_is_where_the_specification_says(
    stated: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that is not absolute is to be ignored."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", stated)
    assert cache_folder() == tmp_path / expected


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "new" / "file.bin"
    with kept_whole(place) as stream:
        stream.write(b"one")
    with pytest.raises(TypeError), kept_whole(place) as stream:
        stream.writelines([b"tw", None])  # type: ignore[list-item]
    assert place.read_bytes() == b"one"
    assert list(place.parent.iterdir()) == [place]


def test_a_place_from_the_current_folder_on_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is `~/.cache`, where there is no home folder."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError), kept_whole(Path("~/.cache/file")):
        pass
    assert list(tmp_path.iterdir()) == []
