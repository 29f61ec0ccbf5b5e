"""A data set of image files, in a folder, a zip, or wherever else their bytes are; decoded when asked for."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PpmImagePlugin import PpmImageFile

from bnnaudit.core.errors import DataError, one_line
from bnnaudit.core.file_limits import FREE_PIXELS, IMAGE_BYTES, MOST_GROWN, MOST_PIXELS, PIXEL_PACKING
from bnnaudit.core.threat import Box
from bnnaudit.data.picture_header import bits_of_png, bomb_in
from bnnaudit.data.source import ArraySource, GivenSource

GREY_MODES = frozenset({"1", "L", "LA"})
COLOUR_MODES = frozenset({"P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"})
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM")
"""What an image file may hold, whatever its name says. Pillow knows forty more, of which some start other programs (EPS starts
Ghostscript) or are read by libraries with a history of holes (TIFF)."""


class Resizing(Enum):
    """What to do where the files' sizes vary: stretch to the model's size, or shorter side then centre crop (ImageNet)."""

    STRETCH = auto()
    CENTRE_CROP = auto()


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What the header of an image file says: its height and width in pixels, and whether it is grey."""

    height: int
    width: int
    grey: bool


@dataclass(frozen=True, slots=True, eq=False)
class PictureSource:
    """Image files in a fixed order.

    fetch: the bytes of one of `files`. targets (N,): class indices, None for data without labels. sha256: of the zip, or of a
    folder's names and sizes.
    """

    name: str
    where: str
    files: tuple[str, ...]
    targets: NDArray[np.int64] | None
    class_names: tuple[str, ...] | None
    fetch: Callable[[str], bytes]
    sha256: str
    resizing: Resizing = Resizing.STRETCH

    def __len__(self) -> int:
        return len(self.files)

    @property
    def units(self) -> Box:
        """Pixels of 8 bits."""
        return Box(0.0, 255.0)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """The decoded file at `index`: (H, W) where grey, (H, W, 3) where coloured."""
        return decode(self.fetch(self.files[index]), f"{self.where}: {self.files[index]}")

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The decoded files at `indices` as one array; raises DataError where they differ in size or in colour."""
        pictures = [self.picture(index) for index in indices]
        shapes = sorted({picture.shape for picture in pictures})
        if len(shapes) > 1:
            raise DataError(f"{self.where}: images of {len(shapes)} shapes, such as {shapes[0]} and {shapes[-1]}")
        return np.stack(pictures) if pictures else np.empty((0, 1, 1), dtype=np.uint8)

    def header(self, index: int) -> PictureHeader:
        """What the file at `index` says about itself; raises DataError for what is no image that could be decoded."""
        where = f"{self.where}: {self.files[index]}"
        data = self.fetch(self.files[index])
        with _opened(data, where) as image:
            _refuse_deep(data, image, where)
            return PictureHeader(image.height, image.width, image.mode in GREY_MODES)

    def sizes(self, indices: NDArray[np.int64]) -> set[tuple[int, int]]:
        """The sizes (H, W) of the files at `indices`, from their headers alone."""
        found = set()
        for index in indices:
            with _opened(self.fetch(self.files[index]), f"{self.where}: {self.files[index]}") as image:
                found.add((image.height, image.width))
        return found


ImageSource = ArraySource | PictureSource | GivenSource
"""A data set that can be read at any index; nothing is decoded before it is asked for."""


def decode(data: bytes, where: str) -> NDArray[np.uint8]:
    """An image file as (H, W) grey or (H, W, 3) red, green, blue; transparency is dropped.

    Raises DataError for what is not an image, is truncated, or has more than 8 bits per channel.
    """
    with _opened(data, where) as image:
        _refuse_deep(data, image, where)
        try:
            converted = image.convert("L" if image.mode in GREY_MODES else "RGB")
        except MemoryError:
            raise
        except Exception as error:  # damaged files make the decoders raise anything
            raise DataError(
                f"{where}: the image is damaged or truncated ({one_line(error, 120)}); replace or remove it"
            ) from error
        return np.asarray(converted, dtype=np.uint8)


def _refuse_deep(data: bytes, image: Image.Image, where: str) -> None:
    """Raises DataError for channels of more than 8 bits, also where Pillow would cut them to 8 without a word."""
    if image.mode not in GREY_MODES | COLOUR_MODES:
        raise DataError(f"{where}: {image.mode} pixels have more than 8 bits; save the image with 8 bits per channel")
    bits = bits_of_png(data)
    if isinstance(image, PpmImageFile) and isinstance(args := image.tile[0][3], tuple) and len(args) == 2:
        bits = int(args[1]).bit_length()  # of the file's largest value
    if bits is not None and bits > 8:
        raise DataError(f"{where}: pixels of {bits} bits per channel; save the image with 8 bits per channel")


def resized(picture: NDArray[np.uint8], height: int, width: int, resizing: Resizing) -> NDArray[np.uint8]:
    """The picture at another size, bilinear with antialiasing.

    CENTRE_CROP shortens the shorter side to 8/7 of the target's longer side (256 for 224) and cuts out the centre; it raises
    DataError for an image so narrow that this makes it huge.
    """
    image = Image.fromarray(picture)
    if resizing is Resizing.CENTRE_CROP:
        factor = round(max(height, width) * 8 / 7) / min(image.size)
        if MOST_GROWN.exceeded_by(pixels := factor**2 * image.width * image.height):
            refusal = MOST_GROWN.refusal(pixels)
            raise DataError(
                f"an image of {image.width}x{image.height} is too narrow for a centre crop, which takes {refusal}; remove it"
            )
        grown = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BILINEAR)
        left, top = (grown.width - width) // 2, (grown.height - height) // 2
        return np.asarray(grown.crop((left, top, left + width, top + height)), dtype=np.uint8)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), dtype=np.uint8)


def _opened(data: bytes, where: str) -> Image.Image:
    """The image behind its header; its pixels are not read yet, and an absurd number of them is refused."""
    if IMAGE_BYTES.exceeded_by(len(data)):
        raise DataError(f"{where}: {IMAGE_BYTES.refusal(len(data))}; replace or remove it")
    if problem := bomb_in(data):
        raise DataError(f"{where}: {problem}; replace or remove it")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except MemoryError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{where}: {error}; replace or remove it") from error
    except Exception as error:  # damaged files make the decoders raise anything
        kinds = ", ".join(FORMATS)
        raise DataError(f"{where}: not an image ({kinds}), or an empty or damaged one; replace or remove it") from error
    pixels = image.width * image.height
    packed = pixels / len(data) if pixels > FREE_PIXELS else 0.0
    for limit, found in ((MOST_PIXELS, pixels), (PIXEL_PACKING, packed)):
        if limit.exceeded_by(found):
            raise DataError(
                f"{where}: {image.width}x{image.height} pixels in {len(data):,} bytes are a decompression bomb, or no image of "
                f"a data set: {limit.refusal(found)}; replace or remove it"
            )
    return image
