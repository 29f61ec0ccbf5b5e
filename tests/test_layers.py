"""Who may import whom: a walk over the sources that fails on an upward import or on one sibling importing another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bnnaudit

ROOT = Path(bnnaudit.__file__).parent
BASE = {"core", "numerics"}
ALLOWED: dict[str, set[str]] = {
    "core": set(),
    "numerics": set(),
    "quantization": BASE,
    "operators": BASE | {"quantization"},
    "loaders": BASE | {"quantization", "operators"},
    "data": BASE,
    "temperature": BASE,
    "attacks": BASE | {"quantization", "temperature"},
    "diagnostics": BASE,
    "zoo": BASE | {"quantization", "attacks"},
    "engine": BASE | {"quantization", "operators", "loaders", "data", "temperature", "attacks", "diagnostics", "zoo"},
    "reports": {"core"},
}
SIBLINGS = {
    "attacks": {"ascent", "context", "deadline", "geometry", "ledger", "nearest", "search"},
    "diagnostics": {"comparison", "fitness"},
    "temperature": {"rule"},
}
"""Rooms of parallel files, and the files there that all may share."""


def imports(path: Path) -> Iterator[str]:
    """Every module of ours that a file imports, in any scope."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("bnnaudit"))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("bnnaudit"):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_no_room_imports_upwards(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        for name in imports(path):
            parts = name.split(".")
            if len(parts) > 1 and (ROOT / parts[1]).is_dir():
                assert parts[1] in ALLOWED[room] | {room}, f"{path.relative_to(ROOT)} imports {name}"


def test_every_room_has_its_rule() -> None:
    rooms = {path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert rooms == {*ALLOWED, "cli"}


@pytest.mark.parametrize("room", sorted(SIBLINGS))
def test_siblings_do_not_import_one_another(room: str) -> None:
    shared = SIBLINGS[room]
    for path in (ROOT / room).glob("*.py"):
        if path.stem == "__init__":
            continue
        for name in imports(path):
            parts = name.split(".")
            if parts[1:2] == [room] and len(parts) > 2 and (ROOT / room / f"{parts[2]}.py").exists():
                assert parts[2] in shared, f"{path.name} imports its sibling {name}"


def test_only_the_entry_point_exits() -> None:
    for path in ROOT.rglob("*.py"):
        if path == ROOT / "cli" / "main.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in {"sys.exit", "exit", "quit", "os._exit"}, path


@pytest.mark.parametrize("room", ["reports", "diagnostics"])
def test_text_and_judgement_need_no_torch(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any(name == "torch" or name.startswith("torch.") for name in names), path
