"""JSON reports, suites and failures: keys, values and types changed; rendered, compared, as a baseline and as a history."""

from __future__ import annotations

import copy
import functools
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.bench.fuzz.case import Case
from tests.bench.fuzz.kinds import sound
from tests.bench.fuzz.mutations import raw, trees
from tests.paths import ROOT

REPORT, OTHER, MODEL = "r.json", "s.json", "m.onnx"
GOLDEN = ROOT / "tests" / "reports" / "golden" / "fake.json"
FORMATS = (
    "terminal",
    "json",
    "html",
    "markdown",
    "sarif",
    "junit",
    "csv",
    "github",
    "intoto",
    "intoto-predicate",
    "cyclonedx",
)
COMPARED = ("terminal", "json", "html", "markdown")
SUITE, FAILURE = "bnnaudit-suite/1", "bnnaudit-failure/1"


@functools.cache
def documents() -> dict[str, Any]:
    """Name -> document: one made by hand that has everything, that of an audit, a suite and a failure."""
    from bnnaudit.core.exit_codes import ExitCode
    from bnnaudit.core.provenance import Provenance
    from bnnaudit.core.report import Report
    from bnnaudit.core.suite import Failure, Suite
    from bnnaudit.reports.json.reading import read_document
    from bnnaudit.reports.json.writer import write_json
    from bnnaudit.reports.page import Page

    texts = {"full": GOLDEN.read_text(encoding="utf-8"), "audit": sound.report().decode()}
    made = Provenance("0", sound.MOMENT, "check a b")
    failure = Failure(made, "b.onnx", "cannot be read", ExitCode.BAD_INPUT)
    full = read_document(texts["full"], "full")
    assert isinstance(full, Report)
    texts["failure"] = write_json(failure, Page())
    texts["suite"] = write_json(Suite(made, (full, failure)), Page())
    return {name: json.loads(text) for name, text in texts.items()}


@functools.cache
def vocabulary() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every key and every short word of the documents, and of their schemas."""
    from bnnaudit.reports.json.schema import report_schemas

    keys: set[str] = set()
    words: set[str] = set()
    for tree in (*documents().values(), *(json.loads(read()) for read in report_schemas().values())):
        for part in _parts(tree):
            keys.update(part)
            words.update(held for held in part.values() if isinstance(held, str) and len(held) < 40)
            words.update(held for held in part.get("enum", ()) if isinstance(held, str))
    return tuple(sorted(keys)), tuple(sorted(words))


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _parts(part)


def make(chance: random.Random) -> Case:
    """A broken document, and a command that reads it."""
    name = chance.choice(("full", "full", "audit", "suite", "failure"))
    content = _broken(documents()[name], chance)
    sane = json.dumps(documents()[chance.choice(("full", "audit", "suite"))]).encode()
    kind = chance.random()
    if kind < 0.6:
        format_ = chance.choice(FORMATS)
        more = (OTHER,) if chance.random() < 0.1 else ()
        files = {REPORT: content, OTHER: sane} if more else {REPORT: content}
        return Case(("render", REPORT, *more, "--format", format_), files, note=f"{name} as {format_}")
    if kind < 0.8:
        order = (REPORT, OTHER) if chance.random() < 0.5 else (OTHER, REPORT)
        arguments = ("compare", *order, "--format", chance.choice(COMPARED))
        return Case(arguments, {REPORT: content, OTHER: sane}, note=f"{name} compared")
    if kind < 0.9:
        files = {f"h/net/{REPORT}": content, f"h/net/{OTHER}": sane}
        more = chance.choice(((), ("net.onnx",), ("m",)))
        arguments = ("history", *more, "--history", "h", "--format", chance.choice((*COMPARED, "csv")))
        return Case(arguments, files, note=f"{name} in a history")
    files = {REPORT: content, MODEL: sound.model(), "d.npz": sound.unlabelled()}
    arguments = ("check", MODEL, "--data", "d.npz", *sound.CHECK, "--baseline", REPORT, "--format", "json")
    return Case(arguments, files, report="-", note=f"{name} as a baseline")


def _broken(document: Any, chance: random.Random) -> bytes:
    keys, words = vocabulary()
    if chance.random() < 0.8:
        return trees.as_json(trees.changed(copy.deepcopy(document), chance, keys, words), chance)
    content = json.dumps(document).encode()
    kind = chance.random()
    if kind < 0.7:
        return raw.damaged(content, chance)
    depth = chance.choice((900, 20_000, 200_000))
    return chance.choice(
        (b"[" * depth, b'{"a":' * depth, b"9" * depth, b'"' + b"\\u0000" * 1_000 + b'"', b"\xff\xfe" + content)
    )
