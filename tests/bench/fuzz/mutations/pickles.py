"""Changes to a pickle as a list of instructions."""

from __future__ import annotations

import pickletools
import random
import struct
from collections.abc import Callable

from tests.bench.fuzz.mutations.values import WHOLE, word

NAMES = (
    b"ccollections\nOrderedDict\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"ctorch._utils\n_rebuild_sparse_tensor\n",
    b"ctorch._utils\n_rebuild_meta_tensor_no_storage\n",
    b"ctorch._utils\n_rebuild_qtensor\n",
    b"ctorch._utils\n_rebuild_device_tensor_from_numpy\n",
    b"ctorch._tensor\n_rebuild_from_type_v2\n",
    b"ctorch.serialization\n_get_layout\n",
    b"ctorch\nFloatStorage\n",
    b"ctorch\nHalfStorage\n",
    b"ctorch\nBoolStorage\n",
    b"ctorch\nQInt8Storage\n",
    b"ctorch\nComplexDoubleStorage\n",
    b"ctorch\nSize\n",
    b"ctorch\nTensor\n",
    b"ctorch\ndevice\n",
    b"ctorch.nn.parameter\nParameter\n",
    b"ctorch.jit._pickle\nbuild_intlist\n",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"cnumpy\ndtype\n",
    b"c__builtin__\nset\n",
    b"c__builtin__\nbytearray\n",
    b"c__builtin__\neval\n",
    b"cbuiltins\nexec\n",
    b"cos\nsystem\n",
    b"cposix\nsystem\n",
    b"csubprocess\nPopen\n",
    b"c_codecs\nencode\n",
    b"cargparse\nNamespace\n",
    b"cbnnaudit.cli.main\nrun\n",
)
SINGLE = tuple(b"()][}{0123.aebdhilnostuNQR\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98")
CREATE = b"X\x0a\x00\x00\x00canary.txtX\x01\x00\x00\x00w"
CALLS = (
    b"c__builtin__\nopen\n(" + CREATE + b"tR",
    b"cio\nopen\n(" + CREATE + b"tR",
    b"cos\nsystem\n(X\x10\x00\x00\x00touch canary.txttR",
    b"cos\nmkdir\n(X\x06\x00\x00\x00canarytR",
)
"""What would leave a file behind, if it were called."""


def instructions(pickled: bytes) -> list[bytes]:
    """The pickle's instructions with their arguments; what cannot be read is the last."""
    places = []
    try:
        places = [place for _, _, place in pickletools.genops(pickled) if place is not None]
    except Exception:  # pickletools raises anything for what is no pickle
        places = places or [0]
    ends = [*places[1:], len(pickled)]
    return [pickled[start:end] for start, end in zip(places, ends, strict=True)]


def changed(pickled: bytes, chance: random.Random) -> bytes:
    """The pickle with one to five changes."""
    steps = instructions(pickled)
    for _ in range(chance.choice((1, 1, 1, 1, 2, 4))):
        if steps:
            chance.choice(CHANGES)(steps, chance)
    return b"".join(steps)


def _delete(steps: list[bytes], chance: random.Random) -> None:
    del steps[chance.randrange(len(steps))]


def _duplicate(steps: list[bytes], chance: random.Random) -> None:
    place = chance.randrange(len(steps))
    length = chance.choice((1, 1, 2, 5, 20))
    steps[place:place] = steps[place : place + length] * chance.choice((1, 1, 2, 30))


def _swap(steps: list[bytes], chance: random.Random) -> None:
    one, other = chance.randrange(len(steps)), chance.randrange(len(steps))
    steps[one], steps[other] = steps[other], steps[one]


def _insert(steps: list[bytes], chance: random.Random) -> None:
    more = chance.choice(
        (bytes([chance.choice(SINGLE)]), _argument(chance), chance.choice(NAMES), chance.choice(CALLS))
    )
    steps.insert(chance.randrange(len(steps)), more)


def _replace(steps: list[bytes], chance: random.Random) -> None:
    """A name by another, a number by another, a text by another; anything else by a value."""
    place = chance.randrange(len(steps))
    if chance.random() < 0.5:
        named = [index for index, step in enumerate(steps) if step[:1] in (b"c", b"X", b"J", b"K", b"M", b"\x8a")]
        place = chance.choice(named) if named else place
    steps[place] = chance.choice(NAMES) if steps[place][:1] == b"c" else _argument(chance)


def _argument(chance: random.Random) -> bytes:
    kind = chance.randrange(7)
    if kind == 0:
        return b"J" + struct.pack("<I", chance.choice(WHOLE) % 2**32)
    if kind == 1:
        return b"K" + bytes([chance.randrange(256)])
    if kind == 2:
        number = chance.choice(WHOLE)
        content = number.to_bytes(10, "little", signed=True)
        return b"\x8a" + bytes([len(content)]) + content
    if kind == 3:
        text = word(chance)[:300].encode("utf-8", "surrogatepass")
        return b"X" + struct.pack("<I", len(text)) + text
    if kind == 4:
        return b"G" + struct.pack(">d", chance.choice((0.0, float("nan"), float("inf"), 1e300)))
    if kind == 5:
        return chance.choice((b"h", b"q")) + bytes([chance.randrange(256)])
    return chance.choice(
        (b"I1\n", b"L99999999999999999999L\n", b"V\\ud800\n", b"S'a'\n", b"\x80\x05", b"\x95" + b"\xff" * 8)
    )


def _wrap(steps: list[bytes], chance: random.Random) -> None:
    """A value in many lists or tuples."""
    place = chance.randrange(len(steps))
    count = chance.choice((3, 50, 101, 2_000, 50_000))
    steps.insert(place, chance.choice((b"(" * count, b"\x85" * count, b"]" * count + b"a" * (count - 1))))


CHANGES: tuple[Callable[[list[bytes], random.Random], None], ...] = (
    _delete,
    _duplicate,
    _swap,
    _insert,
    _insert,
    _replace,
    _replace,
    _replace,
    _wrap,
)
