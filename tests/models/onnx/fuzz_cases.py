"""Broken ONNX files, how the tool is run on each, and how that may end."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.models.onnx.fuzz_mutations import broken
from tests.models.onnx.fuzz_seeds import images, seed_models

GOOD, REFUSED = "ran", "refused in one line"

# Words of libraries that were refused memory: a machine without a limit would have given it.
ALLOCATION = ("bad_alloc", "n't allocate", "to allocate", "out of memory", "not enough memory", "memoryerror")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a file ended: an outcome to be counted, and what the tool said. seconds, and the peak of memory in bytes."""

    outcome: str
    text: str
    seconds: float = 0.0
    peak: int = 0

    @property
    def good(self) -> bool:
        """Whether that is how a file may end."""
        return self.outcome in (GOOD, REFUSED)


def file_of(seed: int, index: int) -> tuple[str, bytes]:
    """The sound model's name and the bytes of broken file `index`; the same on every run."""
    chance = random.Random(f"{seed}/{index}")
    models = seed_models()
    name = list(models)[index % len(models)]
    return name, broken(models[name], chance)


def write_images(folder: Path) -> Path:
    """The images that every model is put to."""
    path = folder / "images.npz"
    np.savez(path, x=images())
    return path


def arguments(path: Path, data: Path) -> list[str]:
    """The command line: an attack of two steps on four images."""
    sample = ["--data", str(data), "--samples", "4", "--steps", "2", "--eps", "0.1", "--batch-size", "4"]
    return ["attack", str(path), *sample, "--device", "cpu", "--quiet", "--output", str(path.with_suffix(".txt"))]


def ending_of(code: int, errors: str) -> tuple[str, str]:
    """The outcome and the text of a run, by its exit code and by what it wrote to stderr."""
    lines = [line for line in errors.splitlines() if line.strip()]
    text = " | ".join(lines[:3] + lines[-1:] if len(lines) > 4 else lines)
    if any(word in errors.lower() for word in ALLOCATION):
        return "memory refused by the system alone", text
    if code in (0, 1, 3):
        return (GOOD, text) if not lines or (code == 3 and len(lines) == 1) else ("noise on stderr", text)
    if code != 2:
        return f"exit {code}", text
    return (REFUSED, text) if len(lines) == 1 and "Traceback" not in errors else ("exit 2, not in one line", text)
