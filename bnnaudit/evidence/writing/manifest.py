"""The manifest of evidence, as its schema has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bnnaudit.core.digest import sha256_of
from bnnaudit.core.facts import ModelFormat
from bnnaudit.core.threat import InputGrid, Threat
from bnnaudit.evidence.manifest import SCHEMA, Session
from bnnaudit.evidence.writing.case import Case
from bnnaudit.evidence.writing.sessions import replay_facts
from bnnaudit.models.onnx.file import read_onnx

Entries = dict[str, object]


def manifest_of(
    case: Case,
    sessions: Iterable[Session],
    left_out: int,
    files: Mapping[str, tuple[str, int]],
    why: str = "",
) -> Entries:
    """The document. left_out: counterexamples that did not hold when they were replayed once more. files: SHA-256 and size by
    name. why: why ONNX Runtime alone does not run the model as the audit did, empty where it does."""
    report, model, provenance = case.report, case.report.model, case.report.provenance
    return {
        "schema": SCHEMA,
        "tool": {"name": "bnnaudit", "version": provenance.version},
        "created": provenance.created,
        "command": provenance.command,
        "model": {
            "path": case.model.name,
            "sha256": model.sha256,
            "format": str(model.format),
            "num_classes": model.num_classes,
            "external": [{"path": path, "sha256": digest} for path, digest in _external(case)],
        },
        "data": {"source": report.data.source, "sha256": report.data.sha256, "labelled": report.data.labelled},
        "threat": _threat(report.threat),
        "replay": {
            "input": _input(case),
            "sessions": [{"name": one.name, "exact_sums": one.exact_sums, "unfused": one.unfused} for one in sessions],
            "threads": replay_facts(case.target.deployed).threads,
            "runtime": model.runtime or report.environment.torch,
            "plain": not why,
            "why": why,
        },
        "counterexamples": {"count": len(case.confirmed), "left_out": left_out},
        "files": [{"path": path, "sha256": digest, "bytes": size} for path, (digest, size) in sorted(files.items())],
    }


def _external(case: Case) -> list[tuple[str, str]]:
    """The files with weights beside an ONNX file, by their place in its folder, and their digests."""
    if case.report.model.format is not ModelFormat.ONNX:
        return []
    folder = Path(case.model).resolve().parent
    return [(path.relative_to(folder).as_posix(), sha256_of(path)) for path in read_onnx(case.model).external]


def _threat(threat: Threat) -> Entries:
    return {
        "norm": str(threat.norm),
        "eps": threat.eps,
        "box": [threat.box.low, threat.box.high],
        "radius": threat.radius,
        "image_bits": threat.image_bits,
        "grid": None if threat.grid is None else _grid(threat.grid),
        "l2_per_channel": threat.l2_per_channel,
    }


def _grid(grid: InputGrid) -> Entries:
    return {"kind": grid.kind, "first": list(grid.first), "last": list(grid.last), "steps": list(grid.steps)}


def _input(case: Case) -> Entries:
    prepare, facts = case.target.prepare, replay_facts(case.target.deployed)
    return {
        "shape": list(case.confirmed.original.shape[1:]),
        "network_shape": list(prepare.input_shape),
        "layout": str(prepare.layout),
        "channels": str(prepare.channels),
        "mean": list(prepare.mean),
        "std": list(prepare.std),
        "dtype": facts.dtype,
        "batch": facts.batch,
        "chunk": facts.chunk,
        "output": facts.output,
        "single": facts.single,
        "scale": facts.scale,
        "zero_point": facts.zero_point,
    }
