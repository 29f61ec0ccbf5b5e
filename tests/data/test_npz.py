"""`.npz` files: what is read exactly, and every way in which a file is refused."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from bnnaudit.core.errors import DataError
from bnnaudit.core.threat import Box
from bnnaudit.data import NetworkUnits, open_source, take_sample
from tests.data.conftest import Facts

UNIT, PIXELS = Box(), Box(0.0, 255.0)


def saved(folder: Path, **arrays: object) -> str:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return str(path)


def every_pixel() -> np.ndarray:
    return np.arange(256, dtype=np.uint8).reshape(4, 8, 8)


def test_pixels_stay_themselves_in_their_own_range(tmp_path: Path, facts: Facts) -> None:
    sample = take_sample(open_source(saved(tmp_path, x=every_pixel())), facts((1, 8, 8), box=PIXELS), None, 0)
    assert torch.equal(sample.images, torch.arange(256.0).reshape(4, 1, 8, 8))
    assert sample.images.dtype == torch.float32
    assert sample.labels is None
    assert not sample.facts.labelled


def test_pixels_in_the_unit_box_are_the_float32_quotient(tmp_path: Path, facts: Facts) -> None:
    sample = take_sample(open_source(saved(tmp_path, x=every_pixel())), facts((1, 8, 8), box=UNIT), None, 0)
    expected = (np.arange(256, dtype=np.float32) / np.float32(255)).reshape(4, 1, 8, 8)
    assert np.array_equal(sample.images.numpy(), expected)


def test_pixels_reach_both_ends_of_a_symmetric_box_and_never_leave_it(tmp_path: Path, facts: Facts) -> None:
    sample = take_sample(open_source(saved(tmp_path, x=every_pixel())), facts((1, 8, 8), box=Box(-1.0, 1.0)), None, 0)
    assert sample.images.min() == -1
    assert sample.images.max() == 1
    assert sample.images.flatten()[51] == pytest.approx(51 / 255 * 2 - 1, abs=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_kept_to_the_bit_where_the_box_is_their_own(tmp_path: Path, facts: Facts, dtype: type) -> None:
    x = np.random.default_rng(0).random((3, 2, 2)).astype(dtype)
    sample = take_sample(open_source(saved(tmp_path, x=x)), facts((1, 2, 2), box=UNIT), None, 0)
    assert np.array_equal(sample.images.numpy()[:, 0], x.astype(np.float32))


def test_input_range_says_the_units_of_x(tmp_path: Path, facts: Facts) -> None:
    x = np.array([[[0.0, 16.0], [8.0, 4.0]]])
    source = open_source(saved(tmp_path, x=x, input_range=np.array([0.0, 16.0])))
    images = take_sample(source, facts((1, 2, 2), box=PIXELS), None, 0).images
    assert images.flatten().tolist() == [0.0, 255.0, 127.5, 63.75]


def test_labels_may_be_whole_floats_or_a_column(tmp_path: Path, facts: Facts) -> None:
    x = np.zeros((3, 2, 2), np.uint8)
    for y in (np.array([2.0, 0.0, 1.0]), np.array([[2], [0], [1]])):
        sample = take_sample(open_source(saved(tmp_path, x=x, y=y)), facts((1, 2, 2)), None, 0)
        assert sample.labels is not None
        assert sample.labels.tolist() == [2, 0, 1]
        assert sample.labels.dtype == torch.int64


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path, x=np.zeros((1, 2, 2), np.uint8))
    assert open_source(path).sha256 == hashlib.sha256(Path(path).read_bytes()).hexdigest()


IMAGES = np.zeros((3, 2, 2), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": IMAGES}, "no array named x, .* \\(it holds pictures\\)"),
        ({"x_test": IMAGES, "test_images": IMAGES}, "x_test and test_images are both possible"),
        ({"images": IMAGES, "label": np.arange(3), "target": np.arange(3)}, "label and target are both possible"),
        ({"arr_0": IMAGES, "arr_1": np.arange(3), "arr_2": IMAGES}, "it holds arr_0, arr_1, arr_2"),
        ({"x": IMAGES, "y": np.array([[0, 1], [1, 1], [1, 0]])}, "not one-hot \\(first: row 1, 1 in all\\)"),
        ({"x": IMAGES, "y": np.array([[0.2, 0.8], [1, 0], [1, 0]])}, "not one-hot"),
        ({"x": np.full((3, 2, 2), -2.1)}, "--mean and --std; .* --input-range LO,HI"),
        ({"x": np.linspace(-1, 1, 12).reshape(3, 2, 2)}, "--mean and --std; .* --input-range -1,1"),
        ({"x": np.linspace(0, 255, 12).reshape(3, 2, 2)}, "--input-range 0,255"),
        ({"x": np.zeros((0, 2, 2), np.uint8)}, "at least one"),
        ({"x": np.zeros(3)}, "images are needed"),
        ({"x": np.array(["a", "b"]).reshape(1, 2)}, "not numbers"),
        ({"x": np.full((3, 2, 2), 2.0)}, "values 2..2, outside 0..1"),
        ({"x": np.full((3, 2, 2), -1)}, "values -1..-1, outside 0..255"),
        ({"x": np.full((3, 2, 2), -1.0)}, "--mean and --std"),
        ({"x": np.full((3, 2, 2), -1.0)}, "--input-range -1,1"),
        ({"x": np.array([[[0.0]], [[np.nan]], [[np.inf]]])}, "2 of 3 images hold NaN or infinity \\(first: image 1\\)"),
        ({"x": IMAGES, "y": np.array([0, 1])}, "3 images, but labels of shape \\(2,\\)"),
        ({"x": IMAGES, "y": np.array([0, 1, 0.5])}, "1 of 3 labels are not whole numbers \\(first: 0.5 at index 2\\)"),
        ({"x": IMAGES, "y": np.array([0, 1, np.nan])}, "1 of 3 labels are not whole numbers"),
        ({"x": IMAGES, "y": np.array(["a", "b", "c"])}, "not class numbers"),
        ({"x": IMAGES, "input_range": np.array([1.0, 0.0])}, "the lower one first"),
        ({"x": IMAGES, "input_range": np.array([np.nan, 1.0])}, "the lower one first"),
    ],
)
def test_what_cannot_be_audited_is_refused_in_one_line(tmp_path: Path, arrays: dict, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(saved(tmp_path, **arrays))
    assert "\n" not in str(caught.value)
    assert "data.npz" in str(caught.value)


KERAS = ("x_train", "y_train", "x_test", "y_test")
MEDMNIST = ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels")


@pytest.mark.parametrize(
    ("names", "images", "labels"),
    [
        (KERAS, "x_test", "y_test"),
        (MEDMNIST, "test_images", "test_labels"),
        (MEDMNIST[:4], "val_images", "val_labels"),
        (("X_train", "y_train"), "X_train", "y_train"),
        (("testImages", "testLabels"), "testImages", "testLabels"),
        (("images", "labels"), "images", "labels"),
        (("image", "label"), "image", "label"),
        (("data", "target"), "data", "target"),
        (("data", "targets", "names"), "data", "targets"),
        (("X", "y"), "X", "y"),
        (("x", "labels"), "x", "labels"),
        (("arr_0", "arr_1"), "arr_0", "arr_1"),
        (("arr_0",), "arr_0", None),
        (("x_test", "y_train"), "x_test", None),
        (("x", "y", "x_test", "y_test"), "x", "y"),
        (("x", "y_test"), "x", None),
        (("inputs", "outputs"), "inputs", None),
    ],
)
def test_the_names_that_others_write(tmp_path: Path, names: tuple[str, ...], images: str, labels: str | None) -> None:
    """Every array holds its own number, so that it can be told which were taken."""
    arrays = {
        name: np.full((3, 2, 2), place, np.uint8) if name in IMAGE_NAMES else np.full(3, place)
        for place, name in enumerate(names)
    }
    source = open_source(saved(tmp_path, **arrays))
    assert (source.read(np.arange(3)) == names.index(images)).all()
    found = source.targets
    assert found is None if labels is None else (found == names.index(labels)).all()
    usual = images == "x" and labels in ("y", None)
    notes = [] if usual else [", ".join(filter(None, (images, labels)))]
    if labels is None and len(names) > 1:
        notes.append(f"no labels found, not read: {', '.join(name for name in names if name != images)}")
    assert source.name == (f"data.npz ({'; '.join(notes)})" if notes else "data.npz")


IMAGE_NAMES = {
    "x",
    "X",
    "data",
    "arr_0",
    "image",
    "images",
    "testImages",
    "x_train",
    "X_train",
    "x_test",
    "inputs",
    *MEDMNIST[::2],
}


@pytest.mark.parametrize("low", [0, -1])
def test_one_hot_labels(tmp_path: Path, low: int) -> None:
    hot = np.full((3, 4), low, np.float32)
    hot[[0, 1, 2], [2, 0, 3]] = 1
    for y in (hot, hot.astype(np.int8), hot > 0, np.where(hot == 1, np.float32(0.91), np.float32(0.03))):
        assert open_source(saved(tmp_path, x=IMAGES, y=y)).targets.tolist() == [2, 0, 3]


def test_floats_that_are_whole_and_bright_are_pixels(tmp_path: Path, facts: Facts) -> None:
    x = np.arange(0, 256, 17, dtype=np.float32).reshape(1, 4, 4)
    source = open_source(saved(tmp_path, x=x))
    assert source.units == PIXELS
    assert "pixels" in source.name
    images = take_sample(source, facts((1, 4, 4)), None, 0).images
    assert images.flatten().tolist() == pytest.approx([step / 15 for step in range(16)])
    for other in (x / 17, x / 17 + 0.5, x.clip(51, 204), x - 1):
        with pytest.raises(DataError, match=r"outside 0\.\.1"):
            open_source(saved(tmp_path, x=other))


def test_values_may_lie_in_the_range_that_the_network_takes(tmp_path: Path, facts: Facts) -> None:
    x = np.array([[[-1.0, 0.5], [0.0, 1.0]]], np.float32)
    source = open_source(saved(tmp_path, x=x), network=NetworkUnits(Box(-1.0, 1.0)))
    assert np.array_equal(take_sample(source, facts((1, 2, 2), box=Box(-1.0, 1.0)), None, 0).images.numpy()[:, 0], x)
    unit = open_source(saved(tmp_path, x=x.clip(0, 1)), network=NetworkUnits(Box(-1.0, 1.0)))
    assert unit.units == UNIT


WIDE = {
    "uint16": Box(0.0, 65535.0),
    "int16": Box(-32768.0, 32767.0),
    "int8": Box(-128.0, 127.0),
    "int32": Box(0.0, 4095.0),
}


@pytest.mark.parametrize(("kind", "box"), WIDE.items())
def test_images_of_the_networks_own_whole_numbers_are_in_its_range(tmp_path: Path, kind: str, box: Box) -> None:
    """Dark ones too, which would else be pixels of 8 bits."""
    for top in (box.high, 9):
        x = np.array([[[box.low, top]]]).astype(kind)
        source = open_source(saved(tmp_path, x=x), network=NetworkUnits(box, kind))
        assert source.units == box
        assert source.name == "data.npz"


@pytest.mark.parametrize("kind", ["int64", "float32", "float64"])
@pytest.mark.parametrize("box", [WIDE["uint16"], WIDE["int16"], WIDE["int8"]])
def test_another_type_may_hold_the_networks_whole_numbers(tmp_path: Path, kind: str, box: Box) -> None:
    x = np.array([[[box.low, 3, box.high]]]).astype(kind)
    source = open_source(saved(tmp_path, x=x), network=NetworkUnits(box, "another"))
    assert source.units == box
    assert source.name == f"data.npz (values taken as {box.low:g}..{box.high:g})"
    pixels = open_source(saved(tmp_path, x=np.array([[[0, 255]]])), network=NetworkUnits(box, "another"))
    assert pixels.units == PIXELS


def test_what_the_file_says_of_its_units_comes_first(tmp_path: Path) -> None:
    stored = saved(tmp_path, x=np.array([[[0, 9]]], np.uint16), input_range=np.array([0, 4095]))
    assert open_source(stored, network=NetworkUnits(WIDE["uint16"], "uint16")).units == Box(0.0, 4095.0)


@pytest.mark.parametrize(
    ("top", "example"), [(1023, r"\[0, 1023\] for pixels of 10"), (4000, "4095"), (65535, "65535")]
)
def test_whole_numbers_beyond_8_bits_are_asked_for_their_range(tmp_path: Path, top: int, example: str) -> None:
    with pytest.raises(DataError, match=f"such as .*{example}") as caught:
        open_source(saved(tmp_path, x=np.array([[[0, top]]], np.uint16)))
    assert "normalised" not in str(caught.value)


def test_bytes_with_a_sign_reach_from_minus_128_to_127(tmp_path: Path, facts: Facts) -> None:
    x = np.array([[[-128, 127]]], np.int8)
    images = take_sample(open_source(saved(tmp_path, x=x)), facts((1, 1, 2)), None, 0).images
    assert images.flatten().tolist() == [0.0, 1.0]


def test_labels_that_start_at_1_are_called_so(tmp_path: Path, facts: Facts) -> None:
    source = open_source(saved(tmp_path, x=IMAGES, y=np.array([1, 10, 2])))
    with pytest.raises(DataError, match=r"labels are 1\.\.10.* seem to start at 1"):
        take_sample(source, facts((1, 2, 2), classes=10), 1, 0)


def test_foreign_labels_are_counted_and_the_first_is_named(tmp_path: Path, facts: Facts) -> None:
    source = open_source(saved(tmp_path, x=IMAGES, y=np.array([1, 10, -1])))
    with pytest.raises(DataError, match=r"2 of 3 labels are outside 0..9 \(first: 10 at index 1\)"):
        take_sample(source, facts((1, 2, 2), classes=10), 1, 0)


class Marker:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path(self.path).touch, ())


def test_pickled_objects_are_refused_unread(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    path = tmp_path / "data.npz"
    np.savez(path, x=np.array([Marker(str(marker))], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="pickled Python objects"):
        open_source(str(path))
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"hello, not a zip", b"PK\x03\x04 cut"])
def test_files_that_are_no_npz(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="savez"):
        open_source(str(path))


def test_a_truncated_file(tmp_path: Path) -> None:
    path = Path(saved(tmp_path, x=np.zeros((50, 20, 20), np.uint8)))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"not a readable \.npz"):
        open_source(str(path))


def header_only(path: Path, shape: tuple[int, ...]) -> None:
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})


def test_absurd_sizes_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    header_only(tmp_path / "big.npz", (10**9, 32, 32))
    with pytest.raises(DataError, match="would take 1,024,000,000,000 bytes"):
        open_source(str(tmp_path / "big.npz"))


@pytest.mark.parametrize("shape", [(0, 2**63 - 1, 4), (1,) * 100, (True, 3), (-1, 3)])
def test_a_shape_that_no_array_can_have(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with zipfile.ZipFile(tmp_path / "odd.npz", "w") as archive, archive.open("x.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
        stream.write(b"\0")
    with pytest.raises(DataError, match=r"x\.npy has a damaged header") as caught:
        open_source(str(tmp_path / "odd.npz"))
    assert "\n" not in str(caught.value)


def test_a_member_shorter_than_its_header_says(tmp_path: Path) -> None:
    header_only(tmp_path / "short.npz", (10, 3, 3))
    with pytest.raises(DataError, match="shorter than its header says"):
        open_source(str(tmp_path / "short.npz"))
