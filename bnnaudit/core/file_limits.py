"""Every limit that a file from a stranger can run into: its figure, its reason, and whether `--limits none` lifts it.

`.github/SECURITY.md` has them as one table, which a test holds against this file. What evidence may cost, `evidence/limits.py`
says, which needs nothing of the package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bnnaudit.core.limits import limited

LIFTED = "--limits none lifts this limit, for a file that you trust"
"""How a message about a limit ends that can be lifted."""

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that a file may have of something.

    unit: what is counted, in the plural. of: what it is a limit on. why: where the figure comes from. liftable: whether
    `--limits none` lifts it; what protects from overflow, or keeps nobody from anything, stays.
    """

    most: int
    unit: str
    of: str
    why: str
    liftable: bool = True

    def exceeded_by(self, found: float) -> bool:
        """Whether so many are more than the file may have."""
        return found > self.most and (limited() or not self.liftable)

    @property
    def to_read(self) -> int:
        """Bytes to ask a file for that may not have more: one beyond the limit, or, as -1, all of them."""
        return self.most + 1 if limited() or not self.liftable else -1

    def refusal(self, found: float) -> str:
        """How many there are, how many there may be, and how that limit is lifted, in words."""
        return self.refused(f"{math.ceil(found):,} {self.unit}" if math.isfinite(found) else f"more {self.unit}")

    def refused(self, found: str) -> str:
        """The same where what was found is in words already."""
        lifted = f" ({LIFTED})" if self.liftable else ""
        return f"{found}, more than {self.most:,} {'is' if self.most == 1 else 'are'} refused{lifted}"


OPENING_MEMORY = Limit(
    3 * GIB, "bytes of memory", "opening a model, beside the program and its weights", "together under 4 GiB; not tuned"
)
MEMORY_OF_WEIGHTS = Limit(
    6,
    "bytes of memory for each byte of the file",
    "opening a model, for its weights",
    "those of the protocol buffer, PyTorch and ONNX Runtime, twice each while they are built",
)
OPENING_SECONDS = Limit(
    15,
    "seconds of processor time",
    "opening a model, beside its weights",
    "everyday models take less than one; opened twice, a minute is not over; not tuned",
)
SECONDS_OF_WEIGHTS = Limit(
    100,
    "milliseconds of processor time for each MiB of the file",
    "opening a model, for its weights",
    "a tenth of the speed at which digests and copies are made; not tuned",
)
WAITING = Limit(
    250,
    "% of these seconds on the clock",
    "opening a model",
    "as on a machine that is shared; not tuned",
)
ONNX_BYTES = Limit(
    2**31 - 1, "bytes", "an ONNX file, with the weights beside it", "protocol buffers hold no more", liftable=False
)
LONGEST_LOCATION = Limit(
    4096, "characters", "the name of a file with weights", "Linux opens no longer path (PATH_MAX)", liftable=False
)
LARGEST_VALUE = Limit(
    2**27,
    "numbers",
    "one value of a network, all images of a fixed batch together",
    "512 MiB as float32, forty times what VGG-16 needs of an image",
)
LARGEST_OF_IMAGE = Limit(
    2**23,
    "numbers",
    "one value of a network for each image, where the batch is open",
    "33 MB as float32, of which some passes hold 32 images; VGG-16 has 3.2 million; not tuned",
)
KEPT_FOR_BACKWARD = Limit(
    GIB,
    "bytes",
    "what a network keeps of one image for its gradient",
    "attacks keep it of one image at least; VGG-16 has 0.07 GiB, EfficientNet-B4 0.6 GiB; not tuned",
)
LARGEST_COMPUTED = Limit(
    2**24,
    "numbers",
    "a constant that is computed, where it is not about as large as what it comes from",
    "not tuned",
)
MOST_NODES = Limit(
    100_000,
    "nodes",
    "a graph, its local functions written out",
    "one of 10,000 nodes is opened in eight seconds; not tuned",
)
LARGEST_MATRIX = Limit(2**24, "weights", "resampling one axis of an image", "4,096 values from as many; not tuned")
MOST_CLASSES = Limit(
    100_000, "classes", "a network", "the scores of 300 images are then 120 MB; ImageNet-21k has 21,841"
)
IMAGE_VALUES = Limit(
    2**23,
    "values",
    "the input of a checkpoint's network",
    "a picture of 1672x1672, beyond which a small network takes gigabytes; not tuned",
)

CHECKPOINT_BYTES = Limit(
    4 * GIB, "bytes", "a checkpoint, unpacked", "a billion numbers, of which an audit makes copies; not tuned"
)
PICKLE_BYTES = Limit(64 * 2**20, "bytes", "the pickle of a checkpoint, without the values of its tensors", "not tuned")
PICKLE_INSTRUCTIONS = Limit(
    1_000_000, "instructions", "such a pickle", "tensors take about 60 each, so this is 16,000 tensors; not tuned"
)
PICKLE_DEPTH = Limit(
    100,
    "levels",
    "values inside one another in such a pickle",
    "checkpoints have about 10; thousands crash the process; not tuned",
    liftable=False,
)
TUPLE_ENTRIES = Limit(
    100_000, "entries", "a tuple of such a pickle and those in it, as its hash counts them", "not tuned"
)
KEY_ENTRIES = Limit(100, "entries", "a key of such a pickle, as its hash counts them", "not tuned")
REPEATED_BYTES = Limit(2**20, "bytes", "a tensor that repeats the values of a smaller storage", "not tuned")
MOST_PARAMETERS = Limit(
    2**27,
    "parameters",
    "a built-in network that a card describes",
    "half a GiB, of which an audit makes copies; not tuned",
)
MOST_LAYERS = Limit(1_000, "layers", "a built-in network that a card describes", "not tuned")

ARRAY_BYTES = Limit(16 * GIB, "bytes", "one array of an .npz file", "not tuned")
FREE_ARRAY = 2**28
"""Bytes that an array may have however small its file is. Not tuned."""
ARRAY_PACKING = Limit(
    50,
    "bytes of an array for each byte of its file",
    f"an array of more than {FREE_ARRAY:,} bytes",
    "photographs have 2 to 6, digits in black and white as float64 about 60, a zip bomb 1,032; not tuned",
)
MOST_ARRAYS = Limit(10_000, "arrays", "an .npz file", "not tuned")
IMAGE_BYTES = Limit(256 * 2**20, "bytes", "one image file", "not tuned")
MOST_PIXELS = Limit(2**26, "pixels", "one image", "a camera's has up to that")
FREE_PIXELS = 2**21
"""Pixels that an image may have however small its file is: those of 1920x1080. Not tuned."""
PIXEL_PACKING = Limit(
    50,
    "pixels for each byte of its file",
    f"an image of more than {FREE_PIXELS:,} pixels",
    "photographs have 1 to 20, a black JPEG 200, a black PNG 8,000; not tuned",
)
MOST_GROWN = Limit(
    2**26, "pixels", "an image that is enlarged before its centre is cut out", "as for one image; not tuned"
)
MOST_SCANS = Limit(
    100, "scans", "a JPEG", "progressive ones have about 10; each may take a hundred bytes and a second; not tuned"
)
MOST_IMAGES = Limit(
    1_500_000,
    "images",
    "a folder or a zip",
    "ImageNet's largest part has 1.3 million; listing 60,000 of a zip takes 0.9 s; not tuned",
)
FOLDER_DEPTH = Limit(64, "folders", "folders inside one another", "data sets have 2 to 6; not tuned", liftable=False)
FREE_MEMBER = 4 * 2**20
"""Bytes that a file in a zip may unpack to however small it is there. Not tuned."""
MEMBER_PACKING = Limit(
    100,
    "bytes for each byte in the zip",
    f"an image in a zip of more than {FREE_MEMBER:,} bytes",
    "pictures are packed already; not tuned",
)
LARGEST_LABEL = Limit(2**31 - 1, "", "a label", "classes are counted in integers of C", liftable=False)

TOML_BYTES = Limit(2**20, "bytes", "a card, settings or a recipe", "a card has about a thousand; not tuned")
TOML_PARTS = Limit(
    32,
    "parts",
    "a dotted key of these, and tables and lists inside one another",
    "none that is deeper than 4 is valid; 40,000 take 20 s and 6 GiB",
    liftable=False,
)
TOML_BITS = Limit(
    512, "bits", "a whole number in these", "keys take up to 64; any of these fits into a float", liftable=False
)
REPORT_BYTES = Limit(256 * 2**20, "bytes", "a JSON report", "one on 100,000 images takes about 100 MiB; not tuned")
REPORT_VALUES = Limit(
    2**24,
    "values",
    "a JSON report",
    "each image has 13, and an empty list takes three bytes in the file and 64 in memory; not tuned",
)
