"""Image files in folders and zips: decoding, colours, sizes, damage."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnnaudit.core.errors import DataError
from bnnaudit.core.facts import Layout
from bnnaudit.core.threat import Box
from bnnaudit.data import open_source, take_pool, take_sample
from bnnaudit.data.class_folders import open_folder
from bnnaudit.data.pictures import PictureHeader, Resizing, decode, resized
from tests.data.conftest import Facts

PIXELS = Box(0.0, 255.0)


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def grey(height: int, width: int, start: int = 0) -> np.ndarray:
    return (np.arange(height * width, dtype=np.int64) + start).astype(np.uint8).reshape(height, width)


def coloured(height: int, width: int) -> np.ndarray:
    return np.arange(height * width * 3).astype(np.uint8).reshape(height, width, 3)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


FILES = {"cat/1.png": png(coloured(4, 5)), "dog/1.png": png(coloured(4, 5)[::-1].copy())}


def test_a_folder_and_its_zip_give_the_same_images_and_labels(tmp_path: Path, facts: Facts) -> None:
    folder = write(tmp_path / "set", FILES)
    archive = zipped(tmp_path / "set.zip", {f"set/test/{name}": content for name, content in FILES.items()})
    model = facts((3, 4, 5), classes=2, box=PIXELS)
    one = take_sample(open_source(str(folder)), model, None, 0)
    two = take_sample(open_source(str(archive)), model, None, 0)
    assert one.images[0].permute(1, 2, 0).numpy().tolist() == coloured(4, 5).tolist()
    assert one.images.equal(two.images)
    assert one.labels is not None
    assert two.labels is not None
    assert one.labels.tolist() == two.labels.tolist() == [0, 1]
    assert (one.facts.source, two.facts.source) == ("set", "set.zip:set/test")
    assert one.facts.classes == two.facts.classes == ("cat", "dog")
    assert one.names == tuple(FILES)
    assert take_sample(open_source(str(folder)), model, 1, 1).names in (("cat/1.png",), ("dog/1.png",))


def test_a_folder_inside_a_zip_can_be_named(tmp_path: Path, facts: Facts) -> None:
    archive = zipped(
        tmp_path / "a.zip", {f"{part}/{name}": data for part in ("x", "y") for name, data in FILES.items()}
    )
    source = open_source(f"{archive}:x/")
    assert (source.name, len(source), source.class_names) == ("a.zip:x", 2, ("cat", "dog"))
    assert take_sample(source, facts((3, 4, 5), classes=2), 1, 0).images.shape == (1, 3, 4, 5)
    with pytest.raises(DataError, match=r"holds no folder z \(top level: x, y\)"):
        open_source(f"{archive}:z")


def test_grey_files_become_three_equal_channels(tmp_path: Path, facts: Facts) -> None:
    source = open_source(str(write(tmp_path, {"a.png": png(grey(2, 3))})))
    images = take_sample(source, facts((2, 3, 3), Layout.NHWC, box=PIXELS), None, 0).images
    assert images.tolist() == [[grey(2, 3).tolist()] * 3]


def test_coloured_files_become_grey_only_where_they_are_grey(tmp_path: Path, facts: Facts) -> None:
    same = np.repeat(grey(2, 3)[:, :, None], 3, axis=2)
    source = open_source(str(write(tmp_path / "same", {"a.png": png(same)})))
    assert take_sample(source, facts((1, 2, 3), box=PIXELS), None, 0).images.tolist() == [[grey(2, 3).tolist()]]
    other = open_source(str(write(tmp_path / "other", {"a.png": png(coloured(2, 3))})))
    with pytest.raises(DataError, match="the image is in colour"):
        take_sample(other, facts((1, 2, 3)), None, 0)


def test_images_of_one_wrong_size_are_refused_and_both_sizes_named(tmp_path: Path, facts: Facts) -> None:
    source = open_source(str(write(tmp_path, {f"{index}.png": png(grey(28, 28)) for index in range(3)})))
    with pytest.raises(DataError, match=r"takes 3x30x30 .*the images are 28x28"):
        take_sample(source, facts((3, 30, 30)), None, 0)


def test_images_of_varying_sizes_are_resized_and_the_report_says_so(tmp_path: Path, facts: Facts) -> None:
    files = {f"{size}.png": png(np.full((size, size + 1), size, np.uint8)) for size in (8, 9, 12)}
    source = open_source(str(write(tmp_path / "signs", files)))
    sample = take_sample(source, facts((1, 10, 10), box=PIXELS), None, 0)
    assert [float(image.unique()) for image in sample.images] == [12.0, 8.0, 9.0]
    assert sample.facts.source == "signs (resized to 10x10)"
    alone = take_sample(source, facts((1, 10, 10), box=PIXELS), 1, 0)
    assert alone.images.equal(sample.images[alone.ids])
    assert take_pool(source, facts((1, 10, 10)), alone.ids, 9, 0).shape == (2, 1, 10, 10)


def test_centre_crop_takes_the_middle_of_the_shorter_sides_enlargement() -> None:
    picture = np.zeros((16, 40), np.uint8)
    picture[:, 12:28] = 200
    cropped = resized(picture, 14, 14, Resizing.CENTRE_CROP)
    assert cropped.shape == (14, 14)
    assert (cropped == 200).all()


@pytest.mark.parametrize("damage", [b"", b"no image", png(coloured(40, 40))[:200]])
def test_damaged_files_are_named(tmp_path: Path, facts: Facts, damage: bytes) -> None:
    source = open_source(str(write(tmp_path, {"good.png": png(coloured(40, 40)), "bad.png": damage})))
    with pytest.raises(DataError, match=r"bad\.png"):
        take_sample(source, facts((3, 40, 40)), None, 0)


def test_headers_say_size_and_colour(tmp_path: Path) -> None:
    for name, shape in (("a", (3, 5)), ("b", (7, 2, 3))):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros(shape, dtype=np.uint8)).save(tmp_path / name / "0.png")
    source = open_folder(tmp_path)
    assert [source.header(index) for index in range(2)] == [PictureHeader(3, 5, True), PictureHeader(7, 2, False)]


def test_headers_of_what_cannot_be_decoded_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((2, 2), dtype=np.uint16)).save(tmp_path / "0.png")
    (tmp_path / "1.png").write_bytes(b"nothing")
    for index, said in enumerate(("0.png: .* more than 8 bits", "1.png: not an image")):
        with pytest.raises(DataError, match=said):
            open_folder(tmp_path).header(index)


def test_more_than_eight_bits_are_refused() -> None:
    with pytest.raises(DataError, match="more than 8 bits"):
        decode(png(np.zeros((2, 2), np.uint16)), "deep.png")


def test_class_folders_must_be_as_many_as_the_models_classes(tmp_path: Path, facts: Facts) -> None:
    source = open_source(str(write(tmp_path, FILES)))
    with pytest.raises(DataError, match="2 class folders, but the model has 10 classes"):
        take_sample(source, facts((3, 4, 5), classes=10), None, 0)


def test_a_damaged_zip(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match="not a readable zip"):
        open_source(str(tmp_path / "a.zip"))


def test_the_digest_of_a_folder_is_that_of_names_and_sizes(tmp_path: Path) -> None:
    folder = write(tmp_path, FILES)
    before = open_source(str(folder)).sha256
    assert open_source(str(folder)).sha256 == before
    write(folder, {"dog/2.png": FILES["cat/1.png"]})
    assert open_source(str(folder)).sha256 != before
