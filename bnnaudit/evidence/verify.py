"""Checks evidence of bnnaudit by replaying its counterexamples on the deployed model.

    python -m bnnaudit.evidence.verify EVIDENCE --model model.onnx

It needs Python, numpy and ONNX Runtime alone, and none of the package but the files beside this one, so that whoever checks
evidence can read all that is done. Nothing is taken on trust but what is printed: the threat, how images are fed to the model,
and of what data they are. Exit codes: 0 all counterexamples hold, 1 something is wrong, 2 no evidence, none that can be
read, or no model, 3 ONNX Runtime alone cannot run the model.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import io
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from bnnaudit.evidence.arrays import Arrays
from bnnaudit.evidence.bounded import OverLimitsError, bounded
from bnnaudit.evidence.errors import CannotRunError, NoEvidenceError, RefusedError, shown
from bnnaudit.evidence.files import check_files, check_model, digest_of
from bnnaudit.evidence.limits import limits_lifted
from bnnaudit.evidence.manifest import ARRAYS, Manifest, read_manifest
from bnnaudit.evidence.report import Rows, check_originals, check_report, check_rows
from bnnaudit.evidence.result import LISTED, Verification, as_json, as_text, exit_code
from bnnaudit.evidence.sessions import Classify, open_sessions
from bnnaudit.evidence.stores import Archive, Folder, evidence_in, is_file, open_store, read_up_to
from bnnaudit.evidence.threat import Images, outside

BLOCK = 2**22
"""Numbers in the images that are in memory at a time: 16 MiB. Not tuned; it changes no result."""
IN_MEMORY = 64 * 2**20
"""Bytes of arrays out of a zip that are kept in memory and not in a temporary file. Not tuned."""

Opener = Callable[[Path, Manifest], Sequence[Classify]]
"""Opens a model in the sessions that evidence states."""


def verify(evidence: Path, model: Path, opener: Opener | None = None) -> list[Verification]:
    """Checks all evidence at `evidence` that is about `model`; raises NoEvidenceError where there is none, or no model.

    opener: what opens a model that ONNX Runtime alone does not run as the audit did, None for nothing.
    """
    if not is_file(model):
        raise NoEvidenceError(f"{shown(model)}: no such model")
    with ExitStack() as stack:
        try:
            store = open_store(evidence)
            stack.callback(store.close)
            found = [(one, content, read_manifest(content)) for one, content in evidence_in(store)]
        except RefusedError as error:
            return [Verification(shown(evidence), shown(model), problems=[str(error)])]
        others = 0
        if len(found) > 1:
            with model.open("rb") as stream:
                digest, _ = digest_of(stream)
            names, count = ", ".join(one.name for one, _, _ in found[:LISTED]), len(found)
            found = [entry for entry in found if entry[2].model_sha256 == digest]
            if not found:
                problem = f"another model: none of {names} is about the sha256 {digest}"
                return [Verification(shown(evidence), shown(model), problems=[problem])]
            others = count - len(found)
        results = [_verify_one(one, content, manifest, model, opener) for one, content, manifest in found]
        if others:
            results[0].notes.append(f"{others} beside it are about other models and were not checked")
        return results


def _verify_one(
    store: Folder | Archive, content: bytes, manifest: Manifest, model: Path, opener: Opener | None
) -> Verification:
    result = Verification(
        evidence=store.name,
        model=shown(model),
        manifest_sha256=hashlib.sha256(content).hexdigest(),
        threat=manifest.threat.words,
        input=f"{manifest.input.words}, {manifest.classes} classes",
        data=manifest.data.words,
        sessions=tuple(session.words for session in manifest.sessions),
        counterexamples=manifest.count,
    )
    if manifest.left_out:
        result.notes.append(f"{manifest.left_out} counterexamples of its report are left out as not to be relied on")
    if not manifest.plain:  # no session of ONNX Runtime is opened here, and what opens one has limits of its own
        return _checked(store, manifest, model, opener, result)
    size = sum(path.stat().st_size for path in _files_of(model, manifest))
    try:
        found = bounded(
            partial(_checked, store, manifest, model, None, copy.deepcopy(result)),
            size,
            size + store.size,
            2 * manifest.count * len(manifest.sessions),
        )
    except OverLimitsError as error:
        result.cannot = str(error)
        return result
    if found is None or (found.cannot and opener is not None):
        return _checked(store, manifest, model, opener, result, "" if found is None else found.cannot)
    return found


def _files_of(model: Path, manifest: Manifest) -> list[Path]:
    """The model, and the files with weights beside it, as far as they are there."""
    return [path for path in (model, *(model.parent / name for name, _ in manifest.external)) if is_file(path)]


def _checked(
    store: Folder | Archive,
    manifest: Manifest,
    model: Path,
    opener: Opener | None,
    result: Verification,
    cannot: str = "",
) -> Verification:
    """The result, with all that is found; cannot: why ONNX Runtime alone cannot run the model, where that is known."""
    try:
        result.enter(check_files(store, manifest), "files")
        opened, problems = check_model(model, manifest)
        result.enter(problems, "files of the model")
        reported, wrong = check_report(store, manifest)
        result.enter(wrong, "reports")
        sessions = None if problems else _sessions(opened, model, manifest, opener, result, cannot)
        with ExitStack() as stack:
            arrays = Arrays(_seekable(store, manifest, stack), manifest, stack)
            _replay(arrays, None if wrong else reported, manifest, sessions, result)
    except RefusedError as error:
        result.enter([str(error)], "")
    except CannotRunError as error:
        result.cannot = str(error)
    return result


def _sessions(
    opened: bytes | str, model: Path, manifest: Manifest, opener: Opener | None, result: Verification, cannot: str
) -> Sequence[Classify] | None:
    """The model's sessions; None, and the reason in the result, where they cannot be opened."""
    try:
        if cannot:
            raise CannotRunError(cannot)
        return open_sessions(opened, manifest)
    except CannotRunError as error:
        if opener is None:
            result.cannot = str(error)
            return None
        result.notes.append(f"{error}; it was opened as the audit did")
        opened_so = opener(model, manifest)
        if len(opened_so) != len(manifest.sessions):
            result.cannot = (
                f"the model has {len(opened_so)} sessions that count, not {len(manifest.sessions)} as stated"
            )
            return None
        return opened_so


def _seekable(store: Folder | Archive, manifest: Manifest, stack: ExitStack) -> IO[bytes]:
    """The file of arrays; unpacked to a temporary one where it lies in a zip, for two places in it are read in turn."""
    stream = stack.enter_context(store.open(ARRAYS))
    if isinstance(store, Folder):
        return stream
    copy: IO[bytes] = stack.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 - the stack closes it
    _, most = manifest.files.get(ARRAYS, ("", 0))
    while copy.tell() <= most and (part := read_up_to(stream, 1 << 20, ARRAYS)):
        copy.write(part)
    return copy


def _replay(
    arrays: Arrays, reported: Rows | None, manifest: Manifest, sessions: Sequence[Classify] | None, result: Verification
) -> None:
    """Holds every counterexample against the threat and, where it could be opened, the model.

    reported: the images that the report has counterexamples of, None where it cannot be asked.
    """
    told = check_rows(arrays.index, arrays.label, reported)
    wrong: list[str] = []
    otherwise = 0
    chunk = manifest.input.chunk
    size = chunk * max(1, BLOCK // (chunk * math.prod(arrays.shape)))
    for rows, originals, images in arrays.blocks(size):
        reasons = outside(manifest.threat, originals, images)
        result.inside += reasons.count("")
        if sessions is not None:
            before, after = (_classes(sessions, values) for values in (originals, images))
            labels = arrays.label[rows, None]
            stated = (before == arrays.before[rows]).all(axis=1) & (before == labels).all(axis=1)
            broken = (after != labels).any(axis=1)
            otherwise += int((broken & (after != arrays.after[rows]).any(axis=1)).sum())
            result.clean, result.fooled = result.clean + int(stated.sum()), result.fooled + int(broken.sum())
            for place in np.flatnonzero(~stated | ~broken):
                reasons[place] = reasons[place] or _why(bool(stated[place]), before[place])
        other = [""] * len(reasons)
        if reported is not None:
            other = check_originals(originals, arrays.index[rows], manifest.threat, reported)
        reasons = [why or said or kind for why, said, kind in zip(reasons, told[rows], other, strict=True)]
        if sessions is not None:
            result.holding += reasons.count("")
        wrong += [f"image {index}: {why}" for index, why in zip(arrays.index[rows], reasons, strict=True) if why]
    result.enter(wrong, "counterexamples that do not hold")
    if otherwise:
        result.notes.append(f"{otherwise} are given another wrong class than in the audit")


def _classes(sessions: Sequence[Classify], images: Images) -> NDArray[np.int64]:
    """(n, sessions): what each session says of images (n, ...)."""
    return np.stack([classify(images) for classify in sessions], axis=1)


def _why(stated: bool, before: NDArray[np.int64]) -> str:
    """Why a counterexample does not hold on the model."""
    if stated:
        return "it is classified correctly"
    classes = " and ".join(map(str, dict.fromkeys(before.tolist())))
    return f"the original is classified as {classes}, not as stated"


def main(arguments: Sequence[str]) -> int:
    """The command line of this file alone."""
    about = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m bnnaudit.evidence.verify", description=about)
    parser.add_argument("evidence", type=Path, metavar="EVIDENCE", help="folder or .zip that --evidence wrote")
    parser.add_argument("--model", type=Path, required=True, help="the deployed model, an ONNX file")
    parser.add_argument("--format", choices=("terminal", "json"), default="terminal", help="how to write the result")
    parser.add_argument("--limits", choices=("default", "none"), default="default", help="what checking it may cost")
    given = parser.parse_args(arguments)
    try:
        with limits_lifted(given.limits == "none"):
            found = verify(given.evidence, given.model)
    except NoEvidenceError as error:
        sys.stderr.write(f"verify: {error}\n")
        return 2
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names that the terminal's encoding has no signs for
    sys.stdout.write(as_json(found) if given.format == "json" else as_text(found))
    return exit_code(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
