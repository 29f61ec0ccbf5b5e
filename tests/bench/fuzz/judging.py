"""Runs one case in a folder of its own, judges it, and keeps what failed."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

from tests.bench.fuzz.case import Case
from tests.bench.fuzz.kinds import case_of, kind_of
from tests.bench.fuzz.oracle import problems_of
from tests.bench.fuzz.results import APART, FORKED, Result
from tests.bench.fuzz.running import Place, run_apart, run_forked

SHARE_APART = 0.015
"""Of the cases that run in processes of their own, to see that forks hide nothing."""
LONGEST_SAID = 600


def judged(seed: int, index: int, keep: Path) -> Result:
    """The result of case `index`; one that fails is kept in a folder of its own below `keep`."""
    try:
        case = case_of(seed, index)
    except Exception as error:  # the others shall be judged all the same
        said = f"{type(error).__name__}: {error}"
        return Result(seed, index, kind_of(index), FORKED, "", 0, 0.0, 0.0, 0, ("fuzzer: cannot make the case",), said)
    apart = random.Random(f"{seed}/{index}/how").random() < SHARE_APART
    result = run_case(case, seed, index, apart)
    if result.problems:
        about = {"problems": result.problems, "said": result.said, "seed": seed, "index": index, "kind": result.kind}
        folder = keep / f"{result.kind}-{seed}-{index}"
        shutil.rmtree(folder, ignore_errors=True)
        case.keep(folder, {**about, "how": result.how, "code": result.code})
    return result


def run_case(case: Case, seed: int, index: int, apart: bool) -> Result:
    """Runs a case in a new folder, which is removed, and judges it."""
    folder = tempfile.mkdtemp(prefix="bnnaudit-fuzz-")
    try:
        place = Place(Path(folder))
        place.make()
        case.write(place.inside)
        ending = (run_apart if apart else run_forked)(case.arguments, place)
        problems = problems_of(case, place, ending)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Result(
        seed,
        index,
        kind_of(index),
        APART if apart else FORKED,
        case.arguments[0],
        ending.code,
        round(ending.seconds, 2),
        round(ending.processor, 2),
        ending.peak,
        tuple(problem[:300] for problem in problems),
        ending.err.decode("utf-8", "backslashreplace")[:LONGEST_SAID],
        case.note,
    )
