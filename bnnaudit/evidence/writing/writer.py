"""Writes the counterexamples of a run as evidence that others can check."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bnnaudit.core.digest import sha256_of
from bnnaudit.core.errors import UsageError
from bnnaudit.core.facts import ModelFormat
from bnnaudit.evidence.errors import CannotRunError, RefusedError
from bnnaudit.evidence.files import check_model
from bnnaudit.evidence.manifest import ARRAYS, REPORT, Manifest, Session, read_manifest
from bnnaudit.evidence.sessions import Classify, open_sessions
from bnnaudit.evidence.stores import MANIFEST
from bnnaudit.evidence.threat import outside
from bnnaudit.evidence.writing.case import Case
from bnnaudit.evidence.writing.destination import publish, staged
from bnnaudit.evidence.writing.manifest import manifest_of
from bnnaudit.evidence.writing.pictures import exact_pictures
from bnnaudit.evidence.writing.sessions import classifier, counted_sessions

Answers = NDArray[np.int64]
NOT_ALONE = "it is no ONNX file"


class EvidenceWriter:
    """Puts evidence together in a folder that nobody sees yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: set[str] = set()

    def add(self, case: Case, alone: bool = True) -> None:
        """Writes one case; in a folder of its own, named after the model, unless it is `alone`."""
        folder = self._folder if alone else self._folder / self._free_name(case.model.stem)
        folder.mkdir(exist_ok=True)
        _write(folder, case)

    def _free_name(self, stem: str) -> str:
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip(".-")[:80] or "model"
        names = (name, *(f"{name}-{number}" for number in range(2, len(self._taken) + 3)))
        free = next(free for free in names if free.lower() not in self._taken)
        self._taken.add(free.lower())
        return free


@contextmanager
def evidence_at(path: Path) -> Iterator[EvidenceWriter]:
    """A writer whose evidence is at `path` once the block has ended without an error; else nothing is.

    path: a folder, or a file that ends in `.zip`. Raises UsageError where something else is there, or it cannot be written.
    """
    with staged(path) as folder:
        yield EvidenceWriter(folder)
        publish(folder, path)


def _write(folder: Path, case: Case) -> None:
    """All files of one evidence, and last the manifest that states them."""
    opened = list(counted_sessions(case.target))
    sessions = [session for session, _ in opened]
    answering = [classifier(deployed) for _, deployed in opened]
    reported = [row.index for row in case.report.images if row.adversarial_prediction is not None]
    kept, before, after = _holding(_reported(case, reported), sessions, answering)
    left_out = len(reported) - len(kept.confirmed)
    _write_arrays(folder / ARRAYS, kept, before, after)
    (folder / REPORT).write_text(case.report_text, encoding="utf-8")
    for name, content in exact_pictures(kept.confirmed, kept.report.threat.box):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    files = {
        file.relative_to(folder).as_posix(): (sha256_of(file), file.stat().st_size)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    document = manifest_of(kept, sessions, left_out, files)
    why = _why_not_plain(kept, _read(document), before, after)
    if why:
        document = manifest_of(kept, sessions, left_out, files, why)
    (folder / MANIFEST).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _reported(case: Case, reported: Sequence[int]) -> Case:
    """The case with the counterexamples that its report has: near a tie of two scores, another replay may find more."""
    known = torch.isin(case.confirmed.ids, torch.tensor(reported, dtype=torch.int64))
    return replace(case, confirmed=case.confirmed.select(known))


def _holding(case: Case, sessions: Sequence[Session], answering: Sequence[Classify]) -> tuple[Case, Answers, Answers]:
    """The case with the counterexamples that hold in this order and to the letter of the threat, and all answers (N, sessions).

    Attacks were allowed for more rounding, and a model whose scores are tied may answer otherwise beside other images.
    """
    threat = _read(manifest_of(case, sessions, 0, {})).threat
    while True:
        confirmed = case.confirmed
        originals, images = (values.float().numpy() for values in (confirmed.original, confirmed.adversarial))
        before, after = (_answers(answering, values) for values in (originals, images))
        labels = confirmed.labels.numpy()[:, None]
        inside = np.array([not why for why in outside(threat, originals, images)], dtype=np.bool_)
        holds = inside & (before == labels).all(axis=1) & (after != labels).any(axis=1)
        if holds.all():
            return case, before, after
        case = replace(case, confirmed=confirmed.select(torch.from_numpy(holds)))


def _answers(answering: Sequence[Classify], images: NDArray[np.float32]) -> Answers:
    if len(images) == 0:
        return np.zeros((0, len(answering)), dtype=np.int64)
    return np.stack([classify(images) for classify in answering], axis=1)


def _write_arrays(path: Path, case: Case, before: Answers, after: Answers) -> None:
    """The arrays that `evidence/arrays.py` reads."""
    confirmed = case.confirmed
    np.savez_compressed(
        path,
        original=np.ascontiguousarray(confirmed.original.numpy(), "<f4"),
        adversarial=np.ascontiguousarray(confirmed.adversarial.numpy(), "<f4"),
        label=np.ascontiguousarray(confirmed.labels.numpy(), "<i8"),
        index=np.ascontiguousarray(confirmed.ids.numpy(), "<i8"),
        before=np.ascontiguousarray(before, "<i8"),
        after=np.ascontiguousarray(after, "<i8"),
    )


def _read(document: dict[str, object]) -> Manifest:
    try:
        return read_manifest(json.dumps(document).encode())
    except RefusedError as error:
        raise UsageError(f"evidence: it cannot be written for this model and data ({error})") from error


def _why_not_plain(case: Case, manifest: Manifest, before: Answers, after: Answers) -> str:
    """Why ONNX Runtime alone does not give the same answers, tried as `verify` will; empty where it does."""
    if case.report.model.format is not ModelFormat.ONNX:
        return NOT_ALONE
    try:
        opened, problems = check_model(case.model, manifest)
        if problems:
            return problems[0]
        alone = open_sessions(opened, manifest)
        confirmed = case.confirmed
        answers = [_answers(alone, values.float().numpy()) for values in (confirmed.original, confirmed.adversarial)]
    except (CannotRunError, RefusedError) as error:
        return str(error)
    same = np.array_equal(answers[0], before) and np.array_equal(answers[1], after)
    return "" if same else "its answers are others than in the audit, which ran a rewritten copy or gets random answers"
