"""Changes to a protocol buffer as it is encoded: fields repeated, lost, moved, of another type, length or number.

Encoding: protobuf.dev/programming-guides/encoding. Which fields hold messages is told by their descriptors.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.bench.fuzz.mutations.values import real, whole, word

VARINT, WIDE, SIZED, START, END, NARROW = range(6)
WIDTHS = {WIDE: 8, NARROW: 4}
MESSAGE, TEXT = 11, 9
"""Types of fields in descriptors."""
DEEPEST = 6
"""Levels of messages that are taken apart; what lies deeper stays bytes."""


@dataclass
class Field:
    """One field: its value is a number, bytes, or the fields of a message. lie: added to the length that is written before it."""

    number: int
    kind: int
    value: Any
    text: bool = False
    lie: int = 0


@dataclass
class Message:
    """Fields in order."""

    fields: list[Field] = field(default_factory=list)


def changed(data: bytes, descriptor: Any, chance: random.Random) -> bytes:
    """The encoded message with one to four changes; `data` itself where it cannot be taken apart."""
    message = parsed(data, descriptor)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if everywhere := list(_all(message)):
            owner, place = _chosen(everywhere, chance)
            chance.choice(CHANGES)(owner, place, chance)
    return encoded(message)


def _chosen(everywhere: list[tuple[Message, int]], chance: random.Random) -> tuple[Message, int]:
    """A field; one of few of its kind as often as one of many, lest all changes hit sizes and numbers."""
    kinds = sorted({(owner.fields[place].number, owner.fields[place].kind) for owner, place in everywhere})
    wanted = chance.choice(kinds)
    fitting = [
        (owner, place)
        for owner, place in everywhere
        if (owner.fields[place].number, owner.fields[place].kind) == wanted
    ]
    return chance.choice(fitting if chance.random() < 0.5 else everywhere)


def _all(message: Message) -> Any:
    for place, one in enumerate(message.fields):
        yield message, place
        if isinstance(one.value, Message):
            yield from _all(one.value)


def parsed(data: bytes, descriptor: Any, depth: int = 0) -> Message:
    """The fields of an encoded message; what cannot be read ends it."""
    message, place = Message(), 0
    while place < len(data):
        key, place = _varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _varint(data, place)
            message.fields.append(Field(number, kind, value))
        elif kind in WIDTHS:
            message.fields.append(Field(number, kind, data[place : place + WIDTHS[kind]]))
            place += WIDTHS[kind]
        elif kind == SIZED:
            length, place = _varint(data, place)
            content, place = data[place : place + length], place + length
            known = descriptor.fields_by_number.get(number) if descriptor else None
            inner: Any = content
            if known is not None and known.type == MESSAGE and depth < DEEPEST:
                inner = parsed(content, known.message_type, depth + 1)
            message.fields.append(Field(number, kind, inner, known is not None and known.type == TEXT))
        else:
            break
    return message


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        shift, place = shift + 7, place + 1
        if byte < 0x80:
            break
    return value, place


def varint(value: int, wider: int = 0) -> bytes:
    """A number of variable length, `wider` bytes longer than it needs to be."""
    value %= 2**64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(wider):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def encoded(message: Message) -> bytes:
    """The message's bytes."""
    out = bytearray()
    for one in message.fields:
        out += varint(one.number << 3 | one.kind)
        content = encoded(one.value) if isinstance(one.value, Message) else one.value
        if one.kind == VARINT:
            out += varint(content if isinstance(content, int) else len(content))
        elif one.kind == SIZED:
            if isinstance(content, int):
                content = varint(content)
            out += varint(len(content) + one.lie) + content
        elif isinstance(content, bytes):
            out += content
    return bytes(out)


def _delete(owner: Message, place: int, chance: random.Random) -> None:
    del owner.fields[place]


def _duplicate(owner: Message, place: int, chance: random.Random) -> None:
    copies = chance.choice((1, 1, 1, 2, 50))
    owner.fields[place:place] = [owner.fields[place]] * copies


def _move(owner: Message, place: int, chance: random.Random) -> None:
    owner.fields.insert(chance.randrange(len(owner.fields)), owner.fields.pop(place))


def _shuffle(owner: Message, place: int, chance: random.Random) -> None:
    chance.shuffle(owner.fields)


def _renumber(owner: Message, place: int, chance: random.Random) -> None:
    numbers = [one.number for one in owner.fields]
    owner.fields[place].number = chance.choice((*numbers, *range(1, 30), 0, 2**29 - 1, 19000))


def _other_kind(owner: Message, place: int, chance: random.Random) -> None:
    one = owner.fields[place]
    kind = chance.choice((VARINT, WIDE, SIZED, START, END, NARROW, 6, 7))
    if kind in WIDTHS:
        one.value = chance.randbytes(WIDTHS[kind])
    elif kind == VARINT:
        one.value = whole(chance)
    one.kind = kind


def _revalue(owner: Message, place: int, chance: random.Random) -> None:
    """Another number, text, or bytes."""
    one = owner.fields[place]
    if one.kind == VARINT:
        one.value = whole(chance)
    elif one.kind in WIDTHS:
        import struct

        one.value = struct.pack("<d" if one.kind == WIDE else "<f", _in_range(real(chance), one.kind))
    elif one.kind == SIZED and not isinstance(one.value, Message):
        one.value = chance.choice(
            (
                word(chance).encode("utf-8", "surrogatepass"),
                word(chance).encode("utf-8", "surrogatepass"),
                b"\xff\xfe",
                one.value[: len(one.value) // 2],
                one.value * 2,
                b"",
                chance.randbytes(len(one.value)) if len(one.value) < 10_000 else b"",
            )
        )
    else:
        one.value = Message()


def _in_range(value: float, kind: int) -> float:
    return value if kind == WIDE or value != value or abs(value) < 3.4e38 else float("inf")


def _lie(owner: Message, place: int, chance: random.Random) -> None:
    owner.fields[place].lie = chance.choice((1, -1, 2, 100, -100, 2**31, 2**32, 2**63, -(2**31)))


def _nest(owner: Message, place: int, chance: random.Random) -> None:
    """A message within itself, many times over."""
    one = owner.fields[place]
    if one.kind != SIZED:
        return
    content = encoded(one.value) if isinstance(one.value, Message) else one.value
    if len(content) > 2_000:
        return
    for _ in range(chance.choice((1, 5, 90, 101, 1_000))):
        content = varint(one.number << 3 | SIZED) + varint(len(content)) + content
    one.value = content


def _graft(owner: Message, place: int, chance: random.Random) -> None:
    """What one field holds in another."""
    other = chance.choice(owner.fields)
    if other.kind == owner.fields[place].kind:
        owner.fields[place].value = other.value


CHANGES: tuple[Callable[[Message, int, random.Random], None], ...] = (
    _delete,
    _delete,
    _duplicate,
    _move,
    _shuffle,
    _renumber,
    _other_kind,
    _revalue,
    _revalue,
    _revalue,
    _revalue,
    _lie,
    _nest,
    _graft,
    _graft,
)
