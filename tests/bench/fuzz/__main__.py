"""Broken files of eight kinds against the program: `python -m tests.bench.fuzz --cases 20000 --seed 0 [--kind onnx] [--jobs 2]`.

Each case is a few files and a command. It must end with exit code 0, 1, 2 or 3, within 60 s and 4 GiB, with one line on stderr
where it is refused, without a traceback or control characters, with its inputs as they were and nothing written that was not
asked for; and a pass must come with its report. Results go to a file of JSON lines (`--resume FILE` continues one), cases that
fail to `--keep`, and `--replay CASE` repeats one of these in a process of its own. `--summary FILE` prints the table of a file.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import typer

from tests.bench.fuzz import results
from tests.bench.fuzz.case import kept_case


def main() -> None:
    """Runs, repeats or counts cases."""
    options = _options()
    if options.summary is not None:
        typer.echo(results.table(results.read(options.summary)))
        return
    if options.replay is not None:
        sys.exit(_replay(options.replay))
    sys.exit(_run(options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":")[0])
    parser.add_argument("--cases", type=int, default=20_000, help="how many, of all kinds together")
    parser.add_argument("--start", type=int, default=0, help="number of the first")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", help="only those of one kind")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="folder for the cases that fail")
    parser.add_argument(
        "--resume", type=Path, default=Path("fuzz-results.jsonl"), help="file of results; cases in it are not repeated"
    )
    parser.add_argument("--replay", type=Path, help="repeat the case in this folder")
    parser.add_argument("--summary", type=Path, help="print the table of this file of results")
    return parser.parse_args()


def _run(options: argparse.Namespace) -> int:
    """Judges the cases that are not judged yet; 1 if any failed."""
    from tests.bench.fuzz.kinds import KINDS, kind_of

    if options.kind is not None and options.kind not in KINDS:
        sys.exit(f"--kind: one of {', '.join(KINDS)}")
    options.keep, options.resume = options.keep.resolve(), options.resume.resolve()
    wanted = range(options.start, options.start + options.cases)
    done = {result.index for result in results.read(options.resume) if result.seed == options.seed}
    left = [index for index in wanted if index not in done and options.kind in (None, kind_of(index))]
    started = time.monotonic()
    _share(left, options)
    found = [
        result
        for result in results.read(options.resume)
        if result.seed == options.seed and result.index in wanted and options.kind in (None, result.kind)
    ]
    typer.echo(results.table(found))
    typer.echo(f"{len(left)} cases in {time.monotonic() - started:.0f} s; seed {options.seed}")
    return int(any(result.problems for result in found))


def _share(left: Sequence[int], options: argparse.Namespace) -> None:
    """Has forks of this process, which has imported everything, judge the cases."""
    from tests.bench.fuzz.running import warm_up

    warm_up()
    children = [_forked(left[number :: options.jobs], options) for number in range(options.jobs)]
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(ended):
        sys.exit(f"a process that judged cases ended itself, with {ended}")


def _forked(indices: Sequence[int], options: argparse.Namespace) -> int:
    """A fork that judges these cases."""
    from tests.bench.fuzz.judging import judged

    child = os.fork()
    if child:
        return child
    code = 1
    try:
        for index in indices:
            result = judged(options.seed, index, options.keep)
            results.append(options.resume, result)
            if result.problems:
                problems = "; ".join(result.problems)
                typer.echo(f"{index} ({result.kind}, {result.command}): {problems}\n    {result.said[:300]}")
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _replay(folder: Path) -> int:
    """Repeats a case that was kept, as a user would run it, and says what is not allowed about it."""
    from tests.bench.fuzz.judging import run_case

    result = run_case(kept_case(folder), 0, 0, apart=True)
    typer.echo(f"exit code {result.code}, {result.processor} s of processor time, {result.peak / 2**30:.2f} GiB")
    typer.echo(result.said)
    for problem in result.problems:
        typer.echo(problem)
    return int(bool(result.problems))


if __name__ == "__main__":
    main()
