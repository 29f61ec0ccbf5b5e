"""Cards, project files with policies, and recipes: their keys, values, types and nesting changed, or their text."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.bench.fuzz.case import Case
from tests.bench.fuzz.kinds import sound
from tests.bench.fuzz.mutations import raw, trees
from tests.bench.fuzz.mutations.values import word

MODEL, WEIGHTS = "m.onnx", "m.safetensors"


@functools.cache
def vocabulary() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every key of the settings' schema, and every word that it knows as a value."""
    from bnnaudit.config.schema import settings_schema_text

    keys: set[str] = set()
    words: set[str] = set()
    for part in _parts(json.loads(settings_schema_text())):
        keys.update(part.get("properties", {}))
        for choice in (*part.get("enum", ()), part.get("const"), part.get("default")):
            if isinstance(choice, str):
                words.add(choice)
    return tuple(sorted(keys)), tuple(sorted(words))


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for part in schema.values():
            yield from _parts(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _parts(part)


def card() -> dict[str, Any]:
    """A card that says something in every table."""
    return {
        "description": "a network",
        "data": {"source": "d.npz", "samples": 2, "seed": 1},
        "preprocessing": {"input_range": [0, 1], "mean": [0.5], "std": [0.25], "layout": "auto", "channels": "rgb"},
        "threat": {"norm": "linf", "eps": "8/255", "image_bits": 8},
        "attack": {
            "method": "pgd",
            "steps": 2,
            "step_size": 0.1,
            "restarts": 1,
            "beta": "njs",
            "surrogate": "tanh:4",
            "loss": "ce",
        },
        "declared": {"clean_accuracy": 0.5, "adversarial_accuracy": 0.25},
        "architecture": {"name": "cnn", "input_shape": [1, 8, 8], "options": {"channels": [2], "classes": 4}},
        "audit": {"effort": "quick", "all_images": False},
        "deployment": {"serve_as": "any"},
        "run": {"device": "cpu", "batch_size": 4, "threads": 1},
        "policy": {"min_clean": "10%", "min_verified": 0.0, "max_gap": 1},  # a card may not loosen the gate
    }


def policy() -> dict[str, Any]:
    """What a project may ask."""
    return {
        "min_clean": "10%",
        "min_verified": 0.0,
        "max_gap": 1,
        "fail_on": "error",
        "decide": "estimate",
        "select": ["FR", "MF4"],
        "ignore": ["SP201"],
        "require": ["MF412"],
        "threats": [{"norm": "linf", "eps": "4/255", "min_verified": "5%"}],
        "waivers": [{"rule": "SP201", "model": "*.onnx", "reason": "known", "owner": "me", "expires": "2027-01-31"}],
    }


def recipe() -> dict[str, Any]:
    """A recipe that trains for one epoch."""
    return {
        "name": "net",
        "description": "a network",
        "seed": 0,
        "architecture": {
            "name": "cnn",
            "options": {"channels": [2], "strides": [2], "weights": "binary", "activations": "relu"},
        },
        "data": {"name": "digits", "held_out": 1700, "seed": 0},
        "training": {
            "epochs": 1,
            "batch_size": 64,
            "optimizer": "sgd",
            "learning_rate": 0.01,
            "schedule": "cosine",
            "shift": 1,
        },
        "adversarial": {"eps": 0.1, "steps": 1, "step_size": 0.1, "warmup": 0},
        "export": {"formats": ["onnx", "safetensors"]},
        "card": {"eps": 0.2, "samples": 10},
    }


def make(chance: random.Random) -> Case:
    """A card, a project's file or a recipe that is broken."""
    return chance.choice((_card, _card, _card, _project, _project, _recipe))(chance)


def _card(chance: random.Random) -> Case:
    text = _text(card(), chance)
    kind = chance.random()
    if kind < 0.35:
        from tests.bench.fuzz.kinds.safetensors_files import sound_file

        return Case(("inspect", WEIGHTS, "-q"), {WEIGHTS: sound_file(), "m.toml": text}, note="card of weights")
    files = {MODEL: sound.model(), "d.npz": sound.unlabelled(), "m.toml": text}
    if kind < 0.6:
        return Case(("inspect", MODEL, "-q"), files, note="card")
    if kind < 0.8:
        return Case(
            ("attack", MODEL, *sound.ATTACK, "--data", "d.npz", "--method", "pgd"), files, note="card of an attack"
        )
    arguments = ("check", MODEL, "--data", "d.npz", *sound.CHECK, "--format", "json")
    return Case(arguments, files, report=_one(files["m.toml"]), note="card of an audit")


def _project(chance: random.Random) -> Case:
    name = chance.choice(("bnnaudit.toml", "pyproject.toml"))
    asked = {**card(), "policy": policy()}
    asked.pop("architecture")
    asked = {key: asked[key] for key in asked if key == "policy" or chance.random() < 0.4}
    text = _text(asked if name == "bnnaudit.toml" else {"tool": {"bnnaudit": asked}}, chance)
    files = {MODEL: sound.model(), "d.npz": sound.unlabelled(), name: text}
    if chance.random() < 0.6:
        return Case(("inspect", MODEL, "-q"), files, note=name)
    arguments = ("check", MODEL, "--data", "d.npz", *sound.CHECK, "--format", "json")
    return Case(arguments, files, report=_one(text), note=f"{name} of an audit")


def _recipe(chance: random.Random) -> Case:
    return Case(
        ("train", "r.toml", "-q", "-o", "made"), {"r.toml": _text(recipe(), chance)}, written=("made",), note="recipe"
    )


def _one(text: bytes) -> str:
    """Where the report of an audit is; several threats make a suite, which is judged elsewhere."""
    return "-" if text.count(b"threats") == 0 else ""


def _text(tree: dict[str, Any], chance: random.Random) -> bytes:
    keys, words = vocabulary()
    kind = chance.random()
    if "training" not in tree and "tool" not in tree:  # few tables, so that it is often the changed one that decides
        tree = {key: held for key, held in tree.items() if key == "architecture" or chance.random() < 0.35}
    if kind < 0.75:
        content = trees.as_toml(trees.changed(tree, chance, keys, words)).encode("utf-8", "surrogatepass")
        return content if chance.random() < 0.9 else raw.damaged(content, chance)
    content = trees.as_toml(tree).encode()
    if kind < 0.85:
        return raw.damaged(content, chance)
    lines = content.splitlines()
    place = chance.randrange(len(lines))
    lines[place] = chance.choice(
        (
            lines[place] + lines[place],
            b"[" * chance.choice((1, 100, 50_000)),
            b"a = " + b"[" * chance.choice((10, 900, 40_000)),
            b"a = " + b"{a = " * chance.choice((10, 900, 20_000)),
            b".".join([b"a"] * chance.choice((10, 2_000, 40_000))) + b" = 1",
            b'a = """' + word(chance).encode("utf-8", "surrogatepass"),
            b"a = " + b"9" * chance.choice((20, 400, 5_000)),
            b"a = 0x" + b"f" * 5_000,
            b"a = 1979-13-45T99:99:99",
            b"a = " + chance.choice((b"nan", b"+inf", b"1__0", b"0b2", b"1e400", b"'", b"tru")),
            b"[data]",
            b"[[data]]",
            b"[policy.threats]",
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"\x00",
            b"# " + word(chance).encode("utf-8", "surrogatepass"),
        )
    )
    return b"\n".join(lines) + b"\n"
