"""Writes the handwritten digits as PNG files, in a folder for each class: pictures to try `train` with.

    python -m bnnaudit.zoo.train.digit_pictures FOLDER

Exit codes: 0 the pictures are there, 2 they could not be written.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from bnnaudit.core.errors import AuditError, UsageError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.zoo.train.digits import load_digits_split
from bnnaudit.zoo.train.keeping import refused


def write_digits(folder: Path) -> int:
    """Writes all digits as FOLDER/DIGIT/NUMBER.png, 8 x 8 pixels, and returns how many; the folder must not be there yet.

    Raises UsageError where it is, where it cannot be written, or where scikit-learn is not installed.
    """
    split = load_digits_split(1, 0)
    images = np.concatenate([split.train.x, split.test.x])
    labels = np.concatenate([split.train.y, split.test.y])
    with refused(folder):
        if folder.exists():
            raise UsageError(f"{folder}: there already; name a new folder")
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            place = folder / str(label)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{number:04}.png")
    return len(labels)


def main(arguments: list[str]) -> int:
    """The program: one argument, the folder."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.stderr.write("usage: python -m bnnaudit.zoo.train.digit_pictures FOLDER\n")
        return ExitCode.BAD_INPUT
    try:
        count = write_digits(Path(arguments[0]))
    except AuditError as error:
        sys.stderr.write(f"digit_pictures: {error}\n")
        return ExitCode.BAD_INPUT
    sys.stdout.write(f"{count:,} pictures of 10 classes in {arguments[0]}\n")
    return ExitCode.PASSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
