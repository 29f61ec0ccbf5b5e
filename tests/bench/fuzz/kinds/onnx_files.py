"""ONNX files: small networks of many dialects, changed as graphs, as protocol buffers or as bytes."""

from __future__ import annotations

import random

from onnx import ModelProto

from tests.bench.fuzz.case import Case
from tests.bench.fuzz.kinds import sound
from tests.bench.fuzz.kinds.onnx_growth import grown
from tests.bench.fuzz.kinds.onnx_seeds import WEIGHTS, external_weights, seed_models
from tests.bench.fuzz.mutations import onnx_graph, protobuf, raw
from tests.bench.fuzz.mutations.raw import damaged

MODEL = "m.onnx"
OTHERS = (
    ("signal", "--samples", "2"),
    ("sweep", "--over", "radius", "--values", "0.1", "--samples", "2", "--steps", "2"),
    ("clever", "--samples", "1", "--batches", "5", "--draws", "2"),
)


def make(chance: random.Random) -> Case:
    """A broken model, and a command on it."""
    models = seed_models()
    name = chance.choice(list(models))
    content, how = broken(models[name], chance)
    files = {MODEL: content}
    if name == "external":
        files[WEIGHTS] = external_weights() if chance.random() < 0.7 else damaged(external_weights(), chance)
    arguments, more, report, written = _command(chance)
    return Case(arguments, {**files, **more}, report=report, written=written, note=f"{name}, {how}")


def broken(model: ModelProto, chance: random.Random) -> tuple[bytes, str]:
    """The bytes of a broken model, and what was done."""
    kind = chance.random()
    if kind < 0.15:
        return raw.damaged(model.SerializeToString(), chance), "bytes"
    if kind < 0.55:
        return protobuf.changed(model.SerializeToString(), ModelProto.DESCRIPTOR, chance), "fields"
    if kind < 0.65:
        return grown(model, chance), "growth"
    changed = onnx_graph.broken(model, chance)
    if kind < 0.75:
        return protobuf.changed(changed, ModelProto.DESCRIPTOR, chance), "graph, fields"
    return changed, "graph"


def _command(chance: random.Random) -> tuple[tuple[str, ...], dict[str, bytes], str, tuple[str, ...]]:
    kind = chance.random()
    data = {"d.npz": sound.unlabelled()}
    if kind < 0.68:
        more = chance.choice(((), (), (), ("--format", "json"), ("--output-name", "y"), ("--input-shape", "1,8,8")))
        return ("inspect", MODEL, "-q", *more), {}, "", ()
    if kind < 0.82:
        return ("check", MODEL, "--data", "d.npz", *sound.CHECK, "-o", "r.json"), data, "r.json", ("r.json",)
    if kind < 0.93:
        method = chance.choice(("fgsm", "pgd", "pgd++", "square", "auto"))
        more = {"auto": ("--budget", "4"), "square": ("--queries", "4")}.get(method, ())
        plain = sound.ATTACK if not more else tuple(sound.ATTACK[:2] + sound.ATTACK[4:])
        return ("attack", MODEL, "--data", "d.npz", *plain, "--method", method, *more), data, "", ()
    if kind < 0.96:
        command, *more = chance.choice(OTHERS)
        return (command, MODEL, "--data", "d.npz", *more, "-q", "--device", "cpu", "--threads", "1"), data, "", ()
    if kind < 0.98:
        files = {"e.zip": sound.evidence()}
        return ("verify", "e.zip", "--model", MODEL), files, "", ()
    files = {**data, "sound.onnx": sound.model()}
    options = [option if option != "none" else MODEL for option in sound.CHECK]
    return ("check", "sound.onnx", "--data", "d.npz", *options, "--format", "json"), files, "-", ()
