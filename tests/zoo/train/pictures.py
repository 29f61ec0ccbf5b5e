"""Pictures of noise in class folders, for what looks at them and does not learn from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def picture(path: Path, width: int = 8, height: int = 8, grey: bool = False) -> Path:
    """A picture whose pixels follow from its name."""
    shape = (height, width) if grey else (height, width, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(list(path.stem.encode()))
    Image.fromarray(draw.integers(0, 256, shape, dtype=np.uint8)).save(path)
    return path


def pictures(folder: Path, classes: dict[str, int], **look: int | bool) -> Path:
    """So many pictures of each class."""
    for name, count in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            picture(folder / name / f"{index}.png", **look)
    return folder
