"""torchvision names, without a network: local files, and what is said where there are none."""

import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torchvision
from PIL import Image

from bnnaudit.core.errors import DataError
from bnnaudit.core.threat import Box
from bnnaudit.data import open_source, take_sample
from tests.data.conftest import Facts


def write_mnist(root: Path, pixels: np.ndarray, labels: np.ndarray) -> None:
    """The two files of MNIST's test set, in the format of its makers."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        header = struct.pack(">IIII", 0x803, *pixels.shape)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, len(labels)) + labels.tobytes())


@pytest.mark.parametrize("name", ["MNIST", "mnist"])
def test_local_files_are_read(tmp_path: Path, facts: Facts, name: str) -> None:
    pixels = np.arange(2 * 28 * 28).astype(np.uint8).reshape(2, 28, 28)
    write_mnist(tmp_path, pixels, np.array([7, 3], np.uint8))
    source = open_source(name, tmp_path)
    sample = take_sample(source, facts((1, 28, 28), box=Box(0.0, 255.0)), None, 0)
    assert np.array_equal(sample.images[:, 0].numpy(), pixels)
    assert sample.labels is not None
    assert sample.labels.tolist() == [7, 3]
    assert (sample.facts.source, len(source.sha256)) == ("MNIST", 64)
    assert sample.facts.classes[7] == "7 - seven"
    assert sample.names == ()


def test_files_are_named_from_the_root_on(tmp_path: Path, facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report must not tell where on a machine the data lie."""
    file = tmp_path / "gtsrb" / "Test" / "00001.png"
    file.parent.mkdir(parents=True)
    Image.fromarray(np.full((4, 4, 3), 9, np.uint8)).save(file)
    loaded = SimpleNamespace(_samples=[(str(file), 3)])
    monkeypatch.setattr(torchvision.datasets, "GTSRB", lambda root, split, download: loaded)
    sample = take_sample(open_source("GTSRB", tmp_path), facts((3, 4, 4), box=Box(0.0, 255.0)), None, 0)
    assert sample.names == ("gtsrb/Test/00001.png",)
    assert bool((sample.images == 9).all())


def test_a_name_needs_a_root() -> None:
    with pytest.raises(DataError, match="--data-root"):
        open_source("cifar10")


def test_what_is_neither_there_nor_downloadable_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(root: Path, train: bool, download: bool) -> None:
        raise RuntimeError("no route to host" if download else "Dataset not found")

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", offline)
    with pytest.raises(DataError, match=r"CIFAR10: not found in .* not downloaded \(no route to host\)"):
        open_source("CIFAR10", tmp_path)


def test_imagenet_cannot_be_downloaded_and_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"ILSVRC2012_img_val\.tar"):
        open_source("imagenet", tmp_path)


@pytest.mark.parametrize(("source", "message"), [("no/such.npz", "no such file"), ("no/such", "no such file")])
def test_data_that_are_not_there(source: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_source(source)


def test_a_file_of_no_known_kind(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2")
    with pytest.raises(DataError, match="not a supported kind of data"):
        open_source(str(tmp_path / "data.csv"))


def test_a_table_that_names_a_missing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = SimpleNamespace(_samples=[(str(tmp_path / "gtsrb" / "00001.png"), 3)])
    monkeypatch.setattr(torchvision.datasets, "GTSRB", lambda root, split, download: loaded)
    with pytest.raises(DataError, match=r"gtsrb/00001\.png: cannot be read \(No such file"):
        open_source("GTSRB", tmp_path)
