"""The runtime sessions that a deployed model may be served in, and what each of them gets right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ServeAs(StrEnum):
    """The sessions that count: an attack succeeds if it fools one of them.

    `exact` computes what the file says, `default` is the runtime as it opens without options on the machine at hand.
    """

    ANY = "any"
    EXACT = "exact"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """Images (N,) bool that an exact session gets right, and those that a default one does."""

    exact: NDArray[np.bool_]
    default: NDArray[np.bool_]

    def __and__(self, other: Sessions) -> Sessions:
        """What each gets right in both."""
        return Sessions(self.exact & other.exact, self.default & other.default)

    @property
    def between(self) -> int:
        """Images that one of the two gets right and the other does not."""
        return int((self.exact != self.default).sum())

    def counted(self, serve_as: ServeAs) -> NDArray[np.bool_]:
        """(N,) bool: images that every session gets right that counts."""
        match serve_as:
            case ServeAs.ANY:
                return self.exact & self.default
            case ServeAs.EXACT:
                return self.exact
            case ServeAs.DEFAULT:
                return self.default
            case _:
                assert_never(serve_as)
