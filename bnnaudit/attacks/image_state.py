"""What a search knows of the images that still take part, and how images leave it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

from torch import Tensor


@dataclass(slots=True)
class ImageState:
    """The base of a dataclass whose fields have an entry for each of M images: tensors (M, ...), tuples of them, or None."""

    def kept(self, chosen: Tensor) -> Self:
        """The state of the chosen images alone; chosen (M,) bool, or their places (K,)."""
        return replace(self, **{field.name: _chosen(getattr(self, field.name), chosen) for field in fields(self)})


def _chosen(entries: Any, chosen: Tensor) -> Any:
    if isinstance(entries, tuple):
        return tuple(part[chosen] for part in entries)
    return None if entries is None else entries[chosen]
