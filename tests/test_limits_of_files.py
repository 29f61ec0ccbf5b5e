"""Each kind of file just beyond a limit: refused in one line with both figures, and opened where limits are lifted."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import bnnaudit
from bnnaudit.core import toml_file
from bnnaudit.core.file_limits import LIFTED
from bnnaudit.core.limits import Limits, limits_set
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.toml_file import TomlError, read_toml
from bnnaudit.data import class_folders, image_file, npz, open_source, picture_header, pictures, source
from bnnaudit.models.checkpoint import load, pickle_plan, plain_weights, state_dict
from bnnaudit.models.checkpoint.module import GivenModule, load_module
from bnnaudit.onnx_import.graph import size_limits
from bnnaudit.reports.json import reading
from bnnaudit.zoo import architectures

Make = Callable[[Path], Callable[[], object]]


def arrays(folder: Path) -> Callable[[], object]:
    np.savez_compressed(folder / "a.npz", x=np.zeros((40, 8, 8), np.uint8), y=np.zeros(40, np.int64))
    return lambda: open_source(str(folder / "a.npz"))


def picture(format: str, **options: Any) -> Make:
    def make(folder: Path) -> Callable[[], object]:
        buffer = io.BytesIO()
        Image.new("RGB", (64, 32)).save(buffer, format, **options)
        return lambda: pictures.decode(buffer.getvalue(), "a.png")

    return make


def image_folder(folder: Path) -> Callable[[], object]:
    for name in ("a", "b"):
        Image.new("RGB", (8, 8)).save(folder / f"{name}.png")
    return lambda: open_source(str(folder)).read(np.array([0]))


def image_zip(folder: Path) -> Callable[[], object]:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "BMP")
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.bmp", buffer.getvalue())
        archive.writestr("b.bmp", buffer.getvalue())
    return lambda: open_source(str(folder / "a.zip")).read(np.array([0]))


def checkpoint(folder: Path) -> Callable[[], object]:
    torch.save({"a": torch.ones(1).expand(1000), "b": torch.ones(4)}, folder / "a.pt")
    return lambda: state_dict.read_state_dict(folder / "a.pt")


def settings(folder: Path) -> Callable[[], object]:
    (folder / "a.toml").write_text("a = 1\n" + "#" * 100)
    return lambda: read_toml(folder / "a.toml")


class Wide(nn.Module):
    """16 values -> 50 classes through 1,000 values."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 1000), nn.Linear(1000, 50)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.second(self.first(images).relu())
        return scores


class Growing(Wide):
    """The same, but that each image becomes a thousand on the way."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.repeat(1, 1_000)[:, :16])


def module(kind: type[nn.Module]) -> Make:
    def make(folder: Path) -> Callable[[], object]:
        given = GivenModule(kind().eval(), "net")
        return lambda: load_module(given, (16,), Preprocessing(), Surrogate(), torch.device("cpu"))

    return make


def built_in(folder: Path) -> Callable[[], object]:
    return lambda: architectures.ARCHITECTURES["mlp"](hidden=[8, 8, 8])


CASES: list[tuple[ModuleType, str, int, Make, str]] = [
    (npz, "MOST_ARRAYS", 1, arrays, "2 arrays, more than 1 is refused"),
    (source, "ARRAY_BYTES", 2_000, arrays, "2,560 bytes, more than 2,000 are refused"),
    (pictures, "IMAGE_BYTES", 50, picture("PNG"), "bytes, more than 50 are refused"),
    (pictures, "MOST_PIXELS", 2_000, picture("PNG"), "2,048 pixels, more than 2,000 are refused"),
    (picture_header, "MOST_PIXELS", 2_000, picture("WEBP"), "2,048 pixels, more than 2,000 are refused"),
    (picture_header, "MOST_SCANS", 2, picture("JPEG", progressive=True), "scans, more than 2 are refused"),
    (image_file, "IMAGE_BYTES", 50, image_folder, "bytes, more than 50 are refused"),
    (class_folders, "MOST_IMAGES", 1, image_folder, "2 images, more than 1 is refused"),
    (class_folders, "MOST_IMAGES", 1, image_zip, "2 images, more than 1 is refused"),
    (class_folders, "IMAGE_BYTES", 1_000, image_zip, "12,342 bytes, more than 1,000 are refused"),
    (state_dict, "CHECKPOINT_BYTES", 1_000, checkpoint, "bytes, more than 1,000 are refused"),
    (state_dict, "REPEATED_BYTES", 1_000, checkpoint, "4,000 bytes, more than 1,000 are refused"),
    (plain_weights, "PICKLE_BYTES", 100, checkpoint, "bytes, more than 100 are refused"),
    (pickle_plan, "PICKLE_INSTRUCTIONS", 10, checkpoint, "more than 10 are refused"),
    (toml_file, "TOML_BYTES", 100, settings, "106 bytes, more than 100 are refused"),
    (load, "MOST_CLASSES", 49, module(Wide), "50 classes, more than 49 are refused"),
    (load, "IMAGE_VALUES", 15, module(Wide), "16 values, more than 15 are refused"),
    (size_limits, "LARGEST_VALUE", 79_999, module(Growing), "5 x 16000 numbers, more than 79,999 are refused"),
    (architectures, "MOST_LAYERS", 2, built_in, "3 layers, more than 2 are refused"),
    (architectures, "MOST_PARAMETERS", 100, built_in, "parameters, more than 100 are refused"),
]


@pytest.mark.parametrize(
    ("where", "name", "most", "make", "words"), CASES, ids=[f"{case[1]}-{case[3].__name__}" for case in CASES]
)
def test_refused_in_words_and_opened_without_limits(
    where: ModuleType, name: str, most: int, make: Make, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, replace(getattr(where, name), most=most))
    opened = make(tmp_path)
    with pytest.raises((bnnaudit.AuditError, TomlError, ValueError)) as caught:
        opened()
    line = str(caught.value)
    assert words in line
    assert f"({LIFTED})" in line
    assert "\n" not in line
    with limits_set(Limits.NONE):
        opened()


@pytest.mark.parametrize(
    ("where", "free", "packing", "make", "words"),
    [
        (npz, "FREE_ARRAY", "ARRAY_PACKING", arrays, "bytes of an array for each byte of its file, more than 1 is"),
        (pictures, "FREE_PIXELS", "PIXEL_PACKING", picture("PNG"), "pixels for each byte of its file, more than 1 is"),
        (class_folders, "FREE_MEMBER", "MEMBER_PACKING", image_zip, "bytes for each byte in the zip, more than 1 is"),
    ],
    ids=["arrays", "pixels", "members"],
)
def test_what_unpacks_to_too_much(
    where: ModuleType, free: str, packing: str, make: Make, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, packing, replace(getattr(where, packing), most=1))
    opened = make(tmp_path)
    opened()
    monkeypatch.setattr(where, free, 100)
    with pytest.raises(bnnaudit.AuditError, match=words):
        opened()
    with limits_set(Limits.NONE):
        opened()


@pytest.mark.parametrize(
    ("name", "most", "words"),
    [("REPORT_BYTES", 5, "its bytes go on, more than 5 are"), ("REPORT_VALUES", 3, "up to 4 values, more than 3 are")],
)
def test_reports(name: str, most: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.json").write_text("[1, 2, 3, 4]")
    monkeypatch.setattr(reading, name, replace(getattr(reading, name), most=most))
    with pytest.raises(bnnaudit.AuditError, match=words):
        bnnaudit.read_report(tmp_path / "a.json")
    with pytest.raises(bnnaudit.AuditError, match="the document is a list"):
        bnnaudit.read_report(tmp_path / "a.json", limits="none")


def test_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).random((12, 16)).astype(np.float32)
    monkeypatch.setattr(load, "MOST_CLASSES", replace(load.MOST_CLASSES, most=49))
    inputs = {"preprocessing": {"input_shape": [16]}}
    for limits in (None, "default"):
        with pytest.raises(bnnaudit.AuditError, match="50 classes"):
            bnnaudit.load_target(Wide(), inputs, limits=limits)
    assert bnnaudit.load_target(Wide(), inputs, limits="none").facts.num_classes == 50
    with pytest.raises(bnnaudit.AuditError, match="50 classes"):
        bnnaudit.audit(Wide(), images, effort="quick")
    assert bnnaudit.audit(Wide(), images, effort="quick", limits="none").model.num_classes == 50
    with pytest.raises(bnnaudit.AuditError, match="limits: 'all' is not one of default, none"):
        bnnaudit.audit(Wide(), images, limits="all")
