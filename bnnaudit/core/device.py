"""The devices that can be named; whether one is there is for torch to say, when a model is opened."""

import re

from bnnaudit.core.errors import UsageError


def parse_device(text: str) -> str:
    """`auto`, `cpu`, `cuda` or `cuda:N` as it is; raises UsageError for anything else."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise UsageError(f"device: {text!r} is not auto, cpu, cuda or cuda:N")
    return text
