"""What is found in folders of pictures, counted by whoever made them, and what is refused."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnnaudit.core.errors import AuditError, DataError, UsageError
from bnnaudit.zoo.train.picture_survey import FEWEST, Survey, survey
from tests.zoo.train.pictures import picture, pictures


def test_classes_sizes_and_colours_are_counted(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "photos", {"10": FEWEST, "9": FEWEST + 2})
    picture(folder / "9" / "wide.jpg", width=40, height=20)
    picture(folder / "9" / "small.png", width=4, height=6, grey=True)
    found = survey(str(folder))
    counts = {"9": FEWEST + 4, "10": FEWEST}
    assert found == Survey(str(folder), counts, (6, 4), (20, 40), 1, 2 * FEWEST + 3, 0)
    assert list(found.counts) == ["9", "10"]
    assert found.images == 2 * FEWEST + 4


def test_test_images_of_their_own_are_counted_apart(tmp_path: Path) -> None:
    for part, count in (("train", FEWEST), ("val", 4), ("test", 3)):
        pictures(tmp_path / "photos" / part, {"a": count, "b": count})
    found = survey(str(tmp_path / "photos"))
    assert (found.counts, found.test) == ({"a": FEWEST, "b": FEWEST}, 6)


def test_a_zip_is_a_folder_too(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "photos", {"a": FEWEST, "b": FEWEST})
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for file in folder.rglob("*.png"):
            archive.write(file, file.relative_to(tmp_path))
    found = survey(f"{tmp_path / 'photos.zip'}:photos")
    assert found.counts == survey(str(folder)).counts


@pytest.mark.parametrize("name", ["digits", "mnist", "CIFAR10"])
def test_a_folder_that_is_called_like_a_data_set_is_that_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures(Path(name), {"a": FEWEST, "b": FEWEST})
    assert survey(name).address == f"./{name}"


def damaged(folder: Path) -> None:
    (folder / "a" / "3.png").write_bytes(b"no picture")
    (folder / "b" / "5.png").write_bytes(b"")


def deep(folder: Path) -> None:
    Image.fromarray(np.zeros((8, 8), dtype=np.uint16)).save(folder / "a" / "3.png")


def rare(folder: Path) -> None:
    (folder / "b" / "0.png").unlink()


def lone(folder: Path) -> None:
    for file in (folder / "b").iterdir():
        file.unlink()
    (folder / "b").rmdir()


def flat(folder: Path) -> None:
    for label in ("a", "b"):
        for file in (folder / label).iterdir():
            file.rename(folder / f"{label}{file.name}")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (damaged, "a/3.png: not an image .* 1 more cannot be used: b/5.png"),
        (deep, "a/3.png: .* more than 8 bits"),
        (rare, rf"too few images to train on: b \({FEWEST - 1}\); each class needs {FEWEST}"),
        (lone, "one class only"),
        (flat, "put those of each class into a folder of their own"),
    ],
)
def test_pictures_that_cannot_be_trained_on(change, said: str, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "photos", {"a": FEWEST, "b": FEWEST})
    change(folder)
    with pytest.raises(DataError, match=said) as refused:
        survey(str(folder))
    assert "\n" not in str(refused.value)


def test_what_is_no_folder_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "images.npz").touch()
    for name, said in (("empty", "no image files"), ("images.npz", "neither a folder"), ("absent", "no such folder")):
        with pytest.raises(AuditError, match=said):
            survey(str(tmp_path / name))


def test_a_name_that_no_recipe_can_hold(tmp_path: Path) -> None:
    name = os.fsdecode(bytes(tmp_path / "caf") + b"\xe9")
    pictures(Path(name), {"a": FEWEST, "b": FEWEST})
    with pytest.raises(UsageError, match=r"caf\\xe9: its name is not UTF-8"):
        survey(name)
