"""The call that made a report, as its provenance shows it."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from bnnaudit.models.checkpoint.module import GivenModule

LONGEST = 60
"""Characters of one argument. Not tuned."""


def call_text(function: str, model: Path | GivenModule, data: object, **others: object) -> str:
    """`bnnaudit.audit('model.onnx', <2 arrays>, threat='linf:8/255')`: paths as they are, objects by their kind."""
    parts = [_shown(model)]
    if data is not None:
        parts.append(_shown(data))
    parts += [f"{key}={_shown(value)}" for key, value in others.items() if value is not None]
    return f"{function}({', '.join(parts)})"


def _shown(value: object) -> str:
    if isinstance(value, Path):
        return repr(str(value))
    if isinstance(value, GivenModule | nn.Module):
        return f"<{value if isinstance(value, GivenModule) else type(value).__name__}>"
    if isinstance(value, str | int | float) or (
        isinstance(value, tuple) and all(isinstance(one, str | float | int) for one in value)
    ):
        text = repr(value)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return f"<{type(value).__name__}>"
