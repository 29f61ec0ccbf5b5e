"""Damage to bytes, whatever they hold."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.bench.fuzz.mutations.values import WHOLE, word

LENGTHS = (1, 1, 2, 4, 8, 16, 64, 256, 1024)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The bytes with one to three kinds of damage."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if data:
            data = chance.choice(DAMAGES)(data, chance)
    return data


def _place(data: bytes, chance: random.Random) -> int:
    """Somewhere, more often near the beginning or the end, where headers and directories are."""
    kind = chance.random()
    if kind < 0.3:
        return min(chance.randrange(64), len(data) - 1)
    if kind < 0.5:
        return max(len(data) - 1 - chance.randrange(128), 0)
    return chance.randrange(len(data))


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        changed[_place(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _overwrite(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 8))):
        changed[_place(data, chance)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return bytes(changed)


def _number(data: bytes, chance: random.Random) -> bytes:
    """A number of 16, 32 or 64 bits somewhere, as lengths and offsets are."""
    width = chance.choice((2, 4, 4, 8))
    start = _place(data, chance)
    value = chance.choice(WHOLE) % 2 ** (8 * width)
    return data[:start] + value.to_bytes(width, chance.choice(("little", "big"))) + data[start + width :]


def _truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: _place(data, chance)]


def _lose_beginning(data: bytes, chance: random.Random) -> bytes:
    return data[_place(data, chance) :]


def _cut_out(data: bytes, chance: random.Random) -> bytes:
    start = _place(data, chance)
    return data[:start] + data[start + chance.choice(LENGTHS) :]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    start = _place(data, chance)
    end = start + chance.choice(LENGTHS)
    return data[:end] + data[start:end] * chance.choice((1, 1, 2, 40)) + data[end:]


def _splice(data: bytes, chance: random.Random) -> bytes:
    """A stretch of the bytes over another."""
    start, source = _place(data, chance), _place(data, chance)
    length = chance.choice(LENGTHS)
    return data[:start] + data[source : source + length] + data[start + length :]


def _insert(data: bytes, chance: random.Random) -> bytes:
    start = _place(data, chance)
    more = chance.choice((bytes(chance.choice(LENGTHS)), b"\xff" * chance.choice(LENGTHS), _word(chance)))
    return data[:start] + more + data[start:]


def _append(data: bytes, chance: random.Random) -> bytes:
    return data + chance.choice((b"\x00", bytes(4096), data, _word(chance), b"PK\x05\x06" + bytes(18)))


def _prepend(data: bytes, chance: random.Random) -> bytes:
    return chance.choice((b"\x00", b"\xef\xbb\xbf", b"#!/bin/sh\n", b"PK\x03\x04", data[:16])) + data


def _word(chance: random.Random) -> bytes:
    return word(chance)[:200].encode("utf-8", "surrogatepass")


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip,
    _flip,
    _overwrite,
    _number,
    _number,
    _truncate,
    _lose_beginning,
    _cut_out,
    _repeat,
    _splice,
    _insert,
    _append,
    _prepend,
)
