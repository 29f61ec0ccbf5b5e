"""What a listing of files means: classes, splits, or pictures without labels."""

import pytest

from bnnaudit.core.errors import DataError
from bnnaudit.data.part import DataPart
from bnnaudit.data.tree import arrange


def test_class_folders_are_ordered_by_name() -> None:
    found = arrange("data", ["dog/1.png", "cat/2.jpg", "cat/1.JPG", "cat/notes.txt"])
    assert found.files == ("cat/1.JPG", "cat/2.jpg", "dog/1.png")
    assert found.targets == (0, 0, 1)
    assert found.class_names == ("cat", "dog")


def test_numbers_are_ordered_by_value() -> None:
    found = arrange("data", [f"{index}/a.png" for index in range(12)])
    assert found.class_names == tuple(str(index) for index in range(12))
    assert found.files[2] == "2/a.png"
    assert found.targets == tuple(range(12))


def test_an_empty_folder_is_a_class_of_its_own() -> None:
    found = arrange("data", ["a/1.png", "c/1.png"], ["b", ".hidden"])
    assert found.class_names == ("a", "b", "c")
    assert found.targets == (0, 2)


def test_images_without_folders_have_no_labels() -> None:
    found = arrange("data", ["b.png", "a.png"])
    assert (found.files, found.targets, found.class_names) == (("a.png", "b.png"), (), None)


@pytest.mark.parametrize("held_out", ["test", "val", "Validation"])
def test_of_several_splits_the_held_out_one_is_taken(held_out: str) -> None:
    found = arrange("data", [f"set/train/{c}/{i}.png" for c in "ab" for i in "12"] + [f"set/{held_out}/b/9.png"])
    assert found.part == f"set/{held_out}"
    assert found.files == (f"set/{held_out}/b/9.png",)


def test_what_archivers_and_systems_add_is_not_seen() -> None:
    assert arrange("data", ["a/1.png", "a/._1.png", "__MACOSX/a/1.png", ".cache/x/y/1.png"]).files == ("a/1.png",)


@pytest.mark.parametrize(
    ("wanted", "part"), [(DataPart.HELD_OUT, "test"), (DataPart.TRAINING, "Train")], ids=["held out", "training"]
)
def test_validation_images_beside_training_and_test_images_are_neither(wanted: DataPart, part: str) -> None:
    found = arrange("data", ["Train/a/1.png", "val/a/1.png", "test/a/1.png"], (), wanted)
    assert (found.files, found.part) == ((f"{part}/a/1.png",), part)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train/a/1.png", "val/a/1.png", "valid/a/1.png"], "none that is clearly the test set"),
        (["notes.txt"], "no image files"),
        (["a.png", "cat/b.png"], "different depths"),
        (["train/a/1.png", "holdout/a/1.png"], r"several folders of class folders \(holdout, train\)"),
        (["test/a/1.png", "val/a/1.png"], "none that is clearly the test set"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        arrange("data", names)
