"""Who may import whom: one table for every folder, and a walk over the sources that fails on anything else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bnnaudit

ROOT = Path(bnnaudit.__file__).parent

VALUES = {"core", "numerics"}
ALLOWED: dict[str, set[str]] = {
    "core": {""},
    "numerics": set(),
    "config": {"core"},
    "config/schema": set(),
    "data": VALUES,
    "quantization": VALUES,
    "temperature": VALUES,
    "onnx_import/graph": {"core", "quantization"},
    "onnx_import/converters": {"core", "quantization", "onnx_import", "onnx_import/graph"},
    "onnx_import/passes": {"core", "quantization", "onnx_import", "onnx_import/graph"},
    "onnx_import": {"core", "quantization", "onnx_import/graph", "onnx_import/passes", "onnx_import/converters"},
    "models": {"core", "quantization", "onnx_import", "onnx_import/converters"},
    "models/score_tensor": {"quantization", "models", "onnx_import", "onnx_import/graph", "onnx_import/passes"},
    "models/onnx": {
        "core",
        "quantization",
        "models",
        "models/score_tensor",
        "onnx_import",
        "onnx_import/graph",
        "onnx_import/passes",
    },
    "models/checkpoint": {
        "core",
        "onnx_import/graph",
        "quantization",
        "models",
        "models/score_tensor",
        "models/checkpoint/tracing",
    },
    "models/checkpoint/tracing": {"core", "quantization", "models", "models/checkpoint", "models/onnx"},
    "zoo/architectures": {"core", "quantization"},
    "zoo": VALUES | {"zoo/train"},
    "zoo/train": VALUES
    | {
        "attacks",
        "data",
        "models/checkpoint",
        "onnx_import",
        "onnx_import/graph",
        "onnx_import/passes",
        "quantization",
        "zoo/architectures",
    },
    "attacks/gradient": VALUES | {"attacks"},
    "attacks/boundary": VALUES | {"attacks"},
    "attacks/query": VALUES | {"attacks"},
    "attacks/query/hard_label": VALUES | {"attacks"},
    "attacks/exact": VALUES | {"attacks", "quantization"},
    "attacks/auto": VALUES
    | {"attacks", "attacks/auto/levels", "attacks/auto/units", "attacks/gradient", "attacks/query"},
    "attacks/auto/levels": VALUES | {"attacks", "quantization"},
    "attacks/auto/units": VALUES | {"attacks", "quantization"},
    "attacks": VALUES
    | {
        "quantization",
        "temperature",
        "attacks/auto",
        "attacks/boundary",
        "attacks/exact",
        "attacks/gradient",
        "attacks/query",
        "attacks/query/hard_label",
    },
    "measurements": VALUES
    | {
        "attacks",
        "attacks/gradient",
        "data",
        "models/score_tensor",
        "quantization",
        "temperature",
    },
    "rules": VALUES | {"rules/causes", "rules/model", "rules/symptoms", "rules/verdict"},
    "rules/causes": VALUES | {"rules"},
    "rules/model": VALUES | {"rules"},
    "rules/symptoms": VALUES | {"rules"},
    "rules/verdict": VALUES | {"rules"},
    "auditing": VALUES
    | {
        "attacks",
        "config",
        "data",
        "measurements",
        "models/checkpoint",
        "models/onnx",
        "models/score_tensor",
        "quantization",
        "rules",
        "rules/causes",
        "rules/model",
        "rules/symptoms",
        "zoo",
        "zoo/architectures",
    },
    "evidence": set(),
    "evidence/schema": set(),
    "evidence/writing": VALUES | {"auditing", "evidence", "models/onnx"},
    "releases": VALUES | {"auditing", "config", "reports/json", "rules"},
    "experiments": VALUES | {"auditing", "measurements", "quantization", "rules"},
    "reports": {"core", "reports/json"},
    "reports/html": {"core", "reports"},
    "reports/cyclonedx": {"core", "reports", "reports/json"},
    "reports/json": {"core", "reports", "reports/json/parsing"},
    "reports/json/parsing": {"core"},
    "reports/json/schema": set(),
    "reports/pictures": {"core", "reports"},
    "reports/sarif": {"core", "reports", "reports/json"},
    "reports/terminal": {"core", "reports", "reports/terminal/sections"},
    "reports/terminal/sections": {"core", "reports", "reports/terminal"},
    "cli": {
        "",
        "auditing",
        "config",
        "config/schema",
        "core",
        "evidence",
        "evidence/schema",
        "evidence/writing",
        "experiments",
        "numerics",
        "releases",
        "reports",
        "reports/json",
        "reports/json/schema",
        "reports/pictures",
        "reports/terminal",
        "rules",
        "zoo/train",
    },
    "library": {
        "config",
        "core",
        "models/checkpoint",
        "numerics",
        "reports",
        "reports/json",
        "reports/terminal",
        "rules",
    },
    "": {"auditing", "cli", "config", "core", "data", "library", "models/checkpoint", "releases", "reports"},
}
"""Folder below `bnnaudit` -> the other folders whose modules its own modules may import."""
SIBLINGS: dict[str, set[str]] = {
    "attacks/gradient": {"ascent"},
    "attacks/boundary": {"boundary"},
    "attacks/query": set(),
    "attacks/exact": set(),
    "rules/causes": set(),
    "rules/model": set(),
    "rules/symptoms": set(),
    "rules/verdict": set(),
    "reports/json": {"attack_row", "audit", "baseline", "finding", "gate", "model", "parts", "suite", "writer"},
    "reports/pictures": {"figure"},
    "reports/terminal/sections": set(),
    "onnx_import/converters": {"convolution", "pooling", "quantize_linear", "windows"},
    "temperature": {"rule"},
}
"""Folders of parallel files, and the files there that all may share."""
TORCH_FREE = ("config", "reports", "rules")
"""Folders of text and judgement: nothing there imports torch, in any scope."""


def folder_of(path: Path) -> str:
    """The folder of a source file, below `bnnaudit`."""
    folder = path.parent.relative_to(ROOT).as_posix()
    return "" if folder == "." else folder


def imported(path: Path) -> Iterator[Path]:
    """Every file of ours that a file imports, in any scope."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "bnnaudit":
                yield file_of(parts[1:])


def file_of(parts: list[str]) -> Path:
    """The file that a dotted name is or stands in."""
    here = ROOT.joinpath(*parts)
    if here.with_suffix(".py").exists():
        return here.with_suffix(".py")
    if (here / "__init__.py").exists():
        return here / "__init__.py"
    return file_of(parts[:-1]) if parts else ROOT / "__init__.py"


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).glob("*.py"))


def test_every_folder_is_in_the_table() -> None:
    assert {folder_of(path) for path in ROOT.rglob("*.py")} == set(ALLOWED)


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_a_folder_imports_only_what_the_table_allows(folder: str) -> None:
    for path in sources(folder):
        for other in imported(path):
            assert folder_of(other) in {folder, *ALLOWED[folder]}, (
                f"{path.relative_to(ROOT)} imports {other.relative_to(ROOT)}"
            )


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_the_table_allows_nothing_that_is_not_used(folder: str) -> None:
    used = {folder_of(other) for path in sources(folder) for other in imported(path)}
    assert ALLOWED[folder] - VALUES <= used


@pytest.mark.parametrize("folder", sorted(SIBLINGS))
def test_siblings_do_not_import_one_another(folder: str) -> None:
    for path in sources(folder):
        for other in imported(path):
            if path.stem not in {"__init__", "table", "writer"} and folder_of(other) == folder and other != path:
                assert other.stem in SIBLINGS[folder], f"{path.relative_to(ROOT)} imports its sibling {other.name}"


def test_only_entry_points_exit() -> None:
    for path in ROOT.rglob("*.py"):
        # A fork ends where its work does, and not where that of the program that it was does.
        exits = (
            "cli/interrupts.py",
            "cli/main.py",
            "cli/supervision.py",
            "evidence/bounded.py",
            "evidence/verify.py",
            "models/first_try.py",
            "zoo/train/digit_pictures.py",
        )
        if path.relative_to(ROOT).as_posix() in exits:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in {"sys.exit", "exit", "quit", "os._exit"}, path


@pytest.mark.parametrize("folder", TORCH_FREE)
def test_text_and_judgement_need_no_torch(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "torch" for name in names), path
