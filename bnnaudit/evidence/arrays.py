"""The counterexamples, whose images are read block by block."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO

import numpy as np
from numpy.typing import NDArray

from bnnaudit.evidence.errors import RefusedError, shown
from bnnaudit.evidence.limits import FILE_BYTES
from bnnaudit.evidence.manifest import ARRAYS, Manifest
from bnnaudit.evidence.stores import READ_ERRORS, read_up_to, refuse_bomb
from bnnaudit.evidence.threat import Images

IMAGES, CLASSES, ANSWERS = ("original", "adversarial"), ("label", "index"), ("before", "after")
"""The arrays: images (N, C, H, W) or (N, features) float32 in the network's range; classes and places in the data (N,) int64;
answers of the deployed model (N, sessions) int64."""


class Arrays:
    """An `.npz` file, nothing in it pickled. Raises RefusedError where it is not what the manifest says."""

    def __init__(self, stream: IO[bytes], manifest: Manifest, stack: ExitStack) -> None:
        self.count, self.shape = manifest.count, manifest.input.shape
        if FILE_BYTES.exceeded_by(size := self.count * math.prod(self.shape) * 8):
            raise RefusedError(f"{ARRAYS}: images of {FILE_BYTES.refusal(size)}")
        try:
            self.archive = stack.enter_context(zipfile.ZipFile(stream))
            self.images = [stack.enter_context(self._opened(name, "<f4", self.shape)) for name in IMAGES]
            self.label, self.index = (self._whole(name, ()) for name in CLASSES)
            self.before, self.after = (self._whole(name, (len(manifest.sessions),)) for name in ANSWERS)
        except READ_ERRORS as error:
            raise RefusedError(f"{ARRAYS} is damaged or cut off ({shown(error)})") from error

    def blocks(self, size: int) -> Iterator[tuple[slice, Images, Images]]:
        """(rows, originals, adversarial images), `size` of them at a time."""
        for start in range(0, self.count, size):
            rows = slice(start, min(start + size, self.count))
            original, adversarial = (self._block(stream, rows.stop - rows.start) for stream in self.images)
            yield rows, original, adversarial

    def _block(self, stream: IO[bytes], count: int) -> Images:
        size = count * math.prod(self.shape) * 4
        content = read_up_to(stream, size, ARRAYS)
        if len(content) != size:
            raise RefusedError(f"{ARRAYS} is cut off")
        return np.frombuffer(content, "<f4").reshape(count, *self.shape)

    def _whole(self, name: str, shape: tuple[int, ...]) -> NDArray[np.int64]:
        with self._opened(name, "<i8", shape) as stream:
            size = self.count * math.prod(shape) * 8
            content = stream.read(size)
        if len(content) != size:
            raise ValueError(f"{name} is cut off")
        return np.frombuffer(content, "<i8").reshape(self.count, *shape)

    def _opened(self, name: str, kind: str, shape: tuple[int, ...]) -> IO[bytes]:
        """An array's values behind its header."""
        member = f"{name}.npy"
        if member not in self.archive.namelist():
            raise RefusedError(f"{ARRAYS} lacks {name}")
        refuse_bomb(f"{ARRAYS}: {name}", self.archive.getinfo(member))
        stream = self.archive.open(member)
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError(f"{name} is of an unknown version")
        try:
            found, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
        except Exception as error:  # its reader of Python's syntax raises what that has
            raise ValueError(f"{name} has a header that cannot be read: {shown(error, 60)}") from error
        if found != (self.count, *shape) or by_columns or dtype.str != kind:
            wanted = "x".join(map(str, (self.count, *shape)))
            columns = " by columns" if by_columns else ""
            raise ValueError(f"{name} is {dtype.str} {'x'.join(map(str, found))}{columns}, not {kind} {wanted}")
        return stream
