"""The same few images as a folder, a zip, arrays and torchvision's files, with test images of their own and without."""

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnnaudit.core.errors import DataError
from bnnaudit.zoo.train import decoded_cache
from bnnaudit.zoo.train.images import Split
from bnnaudit.zoo.train.tables import DataTable
from bnnaudit.zoo.train.training_data import load_split
from tests.zoo.train.pictures import pictures

CLASSES = ("bird", "cat")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "bnnaudit" / "decoded"


def pixels(part: str, label: int, index: int, size: int = 4) -> np.ndarray:
    seed = [len(part), label, index]
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def written(folder: Path, parts: tuple[str, ...] = ("train", "test"), count: int = 5) -> Path:
    for part in parts:
        for label, name in enumerate(CLASSES):
            place = folder / part / name
            place.mkdir(parents=True)
            for index in range(count):
                (place / f"{index}.png").write_bytes(png(pixels(part, label, index)))
    return folder


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, Path("whole") / file.relative_to(folder))
    return path


def wanted(part: str) -> np.ndarray:
    return np.stack([pixels(part, label, index) for label in range(2) for index in range(5)])


def as_arrays(folder: Path) -> Path:
    labels = np.repeat([0, 1], 5)
    path = folder / "images.npz"
    np.savez(path, x_train=wanted("train"), y_train=labels, x_test=wanted("test"), y_test=labels)
    return path


@pytest.mark.parametrize("make", [lambda f: written(f / "data"), lambda f: zipped(written(f / "data")), as_arrays])
def test_parts_of_their_own(make: Callable[[Path], Path], tmp_path: Path) -> None:
    split = load_split(DataTable(source=str(make(tmp_path))), None)
    assert np.array_equal(split.train.x, wanted("train"))
    assert np.array_equal(split.test.x, wanted("test"))
    assert split.train.y.tolist() == split.test.y.tolist() == [0] * 5 + [1] * 5
    assert (split.classes, split.drawn, split.train.shape) == (2, False, (3, 4, 4))


def together(split: Split) -> set[bytes]:
    return {image.tobytes() for part in (split.train, split.test) for image in part.x}


@pytest.mark.parametrize(
    "make", [lambda f: written(f, ("only",)) / "only", lambda f: zipped(written(f / "d", ("only",)))]
)
def test_without_test_images_some_are_held_out_by_the_seed(make: Callable[[Path], Path], tmp_path: Path) -> None:
    source = str(make(tmp_path))
    one, again, other = (load_split(DataTable(source=source, held_out=3, seed=seed), None) for seed in (0, 0, 1))
    assert (len(one.train), len(one.test), one.drawn) == (7, 3, True)
    assert together(one) == {image.tobytes() for image in wanted("only")}
    assert np.array_equal(one.test.x, again.test.x)
    assert not np.array_equal(one.test.x, other.test.x)


def test_validation_images_are_taken_from_the_training_images(tmp_path: Path) -> None:
    split = load_split(DataTable(source=str(written(tmp_path / "d")), validation=4), None)
    assert split.validation is not None
    assert (len(split.train), len(split.validation), len(split.test)) == (6, 4, 10)
    held = {image.tobytes() for part in (split.train, split.validation) for image in part.x}
    assert held == {image.tobytes() for image in wanted("train")}


def test_fewer_training_images(tmp_path: Path) -> None:
    split = load_split(DataTable(source=str(written(tmp_path / "d")), images=3), None)
    assert (len(split.train), len(split.test)) == (3, 10)


def test_a_path_is_looked_for_below_the_root(tmp_path: Path) -> None:
    written(tmp_path / "below")
    assert len(load_split(DataTable(source="below"), tmp_path).train) == 10


def test_numbers_are_scaled_and_channels_come_last(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((6, 3, 5, 4), dtype=np.float32)
    np.savez(tmp_path / "x.npz", x=x, y=np.arange(6) % 3)
    split = load_split(DataTable(source=str(tmp_path / "x.npz"), held_out=2), None)
    assert split.train.shape == (3, 5, 4)
    assert split.classes == 3
    found = {image.tobytes() for part in (split.train, split.test) for image in part.x}
    assert found == {np.ascontiguousarray(image).tobytes() for image in x.transpose(0, 2, 3, 1)}


def test_torchvisions_digits(tmp_path: Path) -> None:
    """MNIST's own format, written by hand: a magic number, sizes, bytes."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    draw = np.random.default_rng(0)
    for part, count in (("train", 6), ("t10k", 4)):
        x, y = draw.integers(0, 256, (count, 28, 28), dtype=np.uint8), (np.arange(count) % 10).astype(np.uint8)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(np.array([2051, count, 28, 28], ">i4").tobytes() + x.tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(np.array([2049, count], ">i4").tobytes() + y.tobytes())
        last = x
    split = load_split(DataTable(source="mnist"), tmp_path)
    assert (len(split.train), len(split.test), split.train.shape, split.classes) == (6, 4, (1, 28, 28), 10)
    assert np.array_equal(split.test.x, last)


def test_images_are_decoded_once(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = str(zipped(written(tmp_path / "data")))
    heard: list[tuple[int, int]] = []
    monkeypatch.setattr(decoded_cache, "OFTEN", 1)
    first = load_split(DataTable(source=source), None, lambda *told: heard.append(told))
    assert heard == [(index, 10) for index in range(1, 11)] * 2
    assert len(list(cache.iterdir())) == 2
    again = load_split(DataTable(source=source), None, lambda *told: heard.append(told))
    assert len(heard) == 20
    assert np.array_equal(again.train.x, first.train.x)
    assert isinstance(again.train.x, np.memmap)


def test_other_images_are_decoded_anew(tmp_path: Path, cache: Path) -> None:
    """Another zip, and other pixels in a folder whose names and sizes are the same."""
    folder = written(tmp_path / "data")
    load_split(DataTable(source=str(folder)), None)
    place = folder / "test" / "bird" / "0.png"
    other = next(image for index in range(5, 99) if len(image := png(pixels("test", 0, index))) == place.stat().st_size)
    place.write_bytes(other)
    split = load_split(DataTable(source=str(folder)), None)
    assert png(split.test.x[0]) == other


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_of_the_cache_is_replaced(content: bytes, tmp_path: Path, cache: Path) -> None:
    source = str(written(tmp_path / "data"))
    load_split(DataTable(source=source), None)
    for file in cache.iterdir():
        file.write_bytes(content)
    assert np.array_equal(load_split(DataTable(source=source), None).train.x, wanted("train"))
    assert all(len(np.load(file)) == 10 for file in cache.iterdir())


def test_a_cache_that_cannot_be_written_is_not_needed(tmp_path: Path, cache: Path) -> None:
    cache.parent.parent.mkdir()
    cache.parent.write_bytes(b"")
    split = load_split(DataTable(source=str(written(tmp_path / "data"))), None)
    assert np.array_equal(split.train.x, wanted("train"))


def test_sizes_that_differ(tmp_path: Path) -> None:
    folder = written(tmp_path / "data")
    (folder / "train" / "cat" / "9.png").write_bytes(png(pixels("train", 1, 9, size=6)))
    with pytest.raises(DataError, match=r"cat/9\.png has 6x6 pixels, others 4x4; write size = "):
        load_split(DataTable(source=str(folder)), None)
    split = load_split(DataTable(source=str(folder), size=(8, 6)), None)
    assert (split.train.shape, split.test.shape, len(split.train)) == ((3, 8, 6), (3, 8, 6), 11)


def test_grey_and_coloured_files_together_are_coloured(tmp_path: Path) -> None:
    folder = written(tmp_path / "data")
    grey = pixels("train", 0, 0)[..., 0]
    (folder / "train" / "bird" / "0.png").write_bytes(png(grey))
    split = load_split(DataTable(source=str(folder)), None)
    assert np.array_equal(split.train.x[0], np.stack([grey] * 3, axis=2))


def test_grey_files_have_one_channel(tmp_path: Path) -> None:
    for name in CLASSES:
        (tmp_path / "data" / name).mkdir(parents=True)
        for index in range(3):
            (tmp_path / "data" / name / f"{index}.png").write_bytes(png(pixels("grey", 0, index)[..., 0]))
    assert load_split(DataTable(source=str(tmp_path / "data"), held_out=2), None).train.shape == (1, 4, 4)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"source": "absent"}, "no such file"),
        ({"source": "data", "validation": 10}, "10 images to set aside of 10"),
        ({"source": "data/train", "held_out": 10}, "10 images to set aside of 10"),
        ({"held_out": 1797}, "1797 images to hold out of 1,797"),
    ],
)
def test_what_cannot_be_split(table: dict[str, object], said: str, tmp_path: Path) -> None:
    written(tmp_path / "data")
    with pytest.raises(DataError, match=said) as caught:
        load_split(DataTable.model_validate(table), tmp_path)
    assert "\n" not in str(caught.value)


def test_images_without_labels(tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "0.png").write_bytes(png(pixels("", 0, 0)))
    with pytest.raises(DataError, match="no labels"):
        load_split(DataTable(source=str(tmp_path / "flat")), None)


def one_class(folder: Path) -> None:
    for part in ("train", "test"):
        shutil.rmtree(folder / part / "cat")


def other_classes(folder: Path) -> None:
    (folder / "test" / "cat").rename(folder / "test" / "dog")


def empty_class(folder: Path) -> None:
    for part in ("train", "test"):
        (folder / part / "dog").mkdir()


def several_broken(folder: Path) -> None:
    for label in CLASSES:
        (folder / "train" / label / "1.png").write_bytes(png(pixels("train", 0, 1))[:60])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (one_class, "one class only"),
        (other_classes, r"do not have the same classes \(cat, dog\)"),
        (empty_class, r"too few images to train on: dog \(0\); each class needs 1: add images"),
        (several_broken, "bird/1.png: .*; 1 more cannot be used: train/cat/1.png"),
    ],
)
def test_pictures_that_nothing_can_be_learnt_from(change: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    folder = written(tmp_path / "photos")
    change(folder)
    with pytest.raises(DataError, match=said) as refused:
        load_split(DataTable(source=str(folder)), None)
    assert "\n" not in str(refused.value)


def test_a_class_whose_only_images_are_held_out(tmp_path: Path) -> None:
    """Of the seed it depends which are: one of bird's or all of cat's, of which there is one."""
    folder = written(tmp_path / "photos", ("only",)) / "only"
    for index in range(1, 5):
        (folder / "cat" / f"{index}.png").unlink()
    said = set()
    for seed in range(20):
        try:
            load_split(DataTable(source=str(folder), held_out=2, seed=seed), None)
        except DataError as refused:
            said.add(str(refused))
    assert len(said) == 1
    assert said.pop().endswith("cat (0); each class needs 1: add images, hold out fewer, or take its folder away")


def test_more_held_out_than_there_is(tmp_path: Path) -> None:
    folder = written(tmp_path / "photos", ("only",)) / "only"
    with pytest.raises(DataError, match=r"10 images to set aside of 10; write a smaller held_out \(or validation\)"):
        load_split(DataTable(source=str(folder), held_out=10), None)


def test_grey_and_coloured_pictures_are_all_in_colour(tmp_path: Path) -> None:
    folder = written(tmp_path / "photos", ("only",)) / "only"
    grey = pixels("only", 0, 0)[..., 0]
    (folder / "bird" / "0.png").write_bytes(png(grey))
    split = load_split(DataTable(source=str(folder), held_out=1), None)
    repeated = np.repeat(grey[:, :, None], 3, axis=2)
    assert split.train.shape == (3, 4, 4)
    assert repeated.tobytes() in together(split)


def test_a_size_that_no_memory_holds_is_refused_before_a_picture_is_stretched(tmp_path: Path) -> None:
    table = DataTable(source=str(pictures(tmp_path / "data", {"a": 4, "b": 4})), size=(10**9, 10**9), held_out=2)
    with pytest.raises(DataError, match=r"give a smaller size in the recipe's"):
        load_split(table, None)
