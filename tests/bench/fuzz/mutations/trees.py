"""Changes to what JSON and TOML hold: keys, types, values and depth, with the keys and words that the reader knows."""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.bench.fuzz.mutations.values import HUGE, real, whole, word

Place = tuple[Any, Any]


def changed(tree: Any, chance: random.Random, keys: Sequence[str] = (), words: Sequence[str] = ()) -> Any:
    """The tree, itself changed in one to five places."""
    if chance.random() < 0.3:
        return renamed(tree, chance)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
        places = list(_places(tree))
        if not places:
            break
        # One of few in a table as often as one of many in a list of lists.
        keyed = [place for place in places if isinstance(place[1], str)]
        owner, key = chance.choice(keyed if keyed and chance.random() < 0.7 else places)
        chance.choice(CHANGES)(owner, key, chance, keys, words)
    return tree


def renamed(tree: Any, chance: random.Random) -> Any:
    """The tree, with other words in some of the places where it has a text, which its reader may well take."""
    places = [(owner, key) for owner, key in _places(tree) if isinstance(owner[key], str)]
    for owner, key in chance.sample(places, min(len(places), chance.choice((1, 1, 2, 5)))):
        owner[key] = chance.choice((word(chance), owner[key] + word(chance), word(chance) + owner[key]))
    return tree


def _places(tree: Any) -> Any:
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in entries:
        yield tree, key
        yield from _places(value)


def value(chance: random.Random, words: Sequence[str] = (), depth: int = 0) -> Any:
    """Any value."""
    kind = chance.randrange(10 if depth < 3 else 6)
    if kind == 0:
        return whole(chance)
    if kind == 1:
        return real(chance)
    if kind == 2:
        return chance.choice(words) if words else word(chance)
    if kind == 3:
        return word(chance)
    if kind == 4:
        return chance.choice((True, False, None))
    if kind == 5:
        return chance.choice(HUGE)
    if kind in (6, 7):
        return [value(chance, words, depth + 1) for _ in range(chance.choice((0, 1, 2, 3)))]
    if kind == 8:
        return {word(chance)[:300]: value(chance, words, depth + 1) for _ in range(chance.choice((0, 1, 2)))}
    deep: Any = chance.choice(([], {}, 1))
    for _ in range(chance.choice((5, 60, 200))):
        deep = [deep] if chance.random() < 0.5 else {"a": deep}
    return deep


def _revalue(owner: Any, key: Any, chance: random.Random, keys: Sequence[str], words: Sequence[str]) -> None:
    owner[key] = value(chance, words)


def _near(owner: Any, key: Any, chance: random.Random, keys: Sequence[str], words: Sequence[str]) -> None:
    """A value of the same type."""
    held = owner[key]
    if isinstance(held, bool):
        owner[key] = not held
    elif isinstance(held, int):
        owner[key] = chance.choice((held + 1, held - 1, -held, 0, whole(chance)))
    elif isinstance(held, float):
        owner[key] = chance.choice((held * 2, -held, held + 1, 0.0, real(chance)))
    elif isinstance(held, str):
        near = (word(chance), held + word(chance), held.upper(), held[: len(held) // 2], f"{held} ")
        owner[key] = chance.choice((*near, chance.choice(words or near)))
    elif isinstance(held, list):
        owner[key] = chance.choice((held[:-1], held * 2, held[::-1], [], [held], [*held, value(chance, words, 2)]))
    elif isinstance(held, dict):
        owner[key] = chance.choice(({}, {**held, word(chance)[:300]: value(chance, words, 2)}, [held]))
    else:
        owner[key] = value(chance, words)


def _delete(owner: Any, key: Any, chance: random.Random, keys: Sequence[str], words: Sequence[str]) -> None:
    del owner[key]


def _add(owner: Any, key: Any, chance: random.Random, keys: Sequence[str], words: Sequence[str]) -> None:
    if isinstance(owner, list):
        owner.insert(key, value(chance, words))
        return
    owner[chance.choice((*keys, word(chance)[:300])) if keys else word(chance)[:300]] = value(chance, words)


def _rename(owner: Any, key: Any, chance: random.Random, keys: Sequence[str], words: Sequence[str]) -> None:
    if isinstance(owner, dict):
        owner[chance.choice((word(chance)[:300], str(key).upper(), *keys))] = owner.pop(key)


def _swap(owner: Any, key: Any, chance: random.Random, keys: Sequence[str], words: Sequence[str]) -> None:
    other = chance.choice(list(owner) if isinstance(owner, dict) else range(len(owner)))
    owner[key], owner[other] = owner[other], owner[key]


def _many(owner: Any, key: Any, chance: random.Random, keys: Sequence[str], words: Sequence[str]) -> None:
    """A list or a table of very many."""
    count = chance.choice((100, 1_000, 20_000))
    held = owner[key] if not isinstance(owner[key], list | dict) else 1
    held = held[:20] if isinstance(held, str) else held
    owner[key] = chance.choice(([held] * count, {f"k{number}": held for number in range(count)}))


CHANGES: tuple[Callable[..., None], ...] = (
    _revalue, _revalue, _near, _near, _near, _near, _delete, _delete, _add, _rename, _swap, _many,
)  # fmt: skip


@contextmanager
def _numbers_of_any_length() -> Iterator[None]:
    """Python writes numbers of more than 4,300 digits while this is entered."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(before)


def as_json(tree: Any, chance: random.Random) -> bytes:
    """The tree as JSON, now and then as only some readers take it."""
    with _numbers_of_any_length():
        text = json.dumps(tree, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.05:
        text = text.replace(":", ": " + chance.choice(("1e999,", "NaN", "[" * 2_000, "-", "0x1", '"\\ud800"')), 1)
    return text.encode("utf-8", "surrogatepass")


def as_toml(tree: Any) -> str:
    """A table as TOML; what TOML has no word for, such as nothing, becomes a text."""
    lines: list[str] = []
    with _numbers_of_any_length():
        _table(tree, (), lines)
    return "\n".join(lines) + "\n"


def _table(table: dict[Any, Any], above: tuple[str, ...], lines: list[str]) -> None:
    inner = {key: held for key, held in table.items() if isinstance(held, dict) and len(above) < 4}
    for key, held in table.items():
        if key not in inner:
            lines.append(f"{_key(key)} = {_inline(held)}")
    for key, held in inner.items():
        name = (*above, _key(key))
        lines.append(f"\n[{'.'.join(name)}]")
        _table(held, name, lines)


def _key(key: Any) -> str:
    text = str(key)
    return text if text.isascii() and text.replace("_", "").replace("-", "").isalnum() else _quoted(text)


def _inline(held: Any) -> str:
    if isinstance(held, bool):
        return str(held).lower()
    if isinstance(held, int):
        return str(held)
    if isinstance(held, float):
        return repr(held) if math.isfinite(held) else str(held)
    if isinstance(held, dict):
        return "{" + ", ".join(f"{_key(key)} = {_inline(value)}" for key, value in held.items()) + "}"
    if isinstance(held, list | tuple):
        return "[" + ", ".join(map(_inline, held)) + "]"
    return _quoted(str(held))


def _quoted(text: str) -> str:
    signs = (sign if sign.isprintable() and sign not in '"\\' else f"\\U{ord(sign):08x}" for sign in text)
    return '"' + "".join(signs) + '"'
