"""What `check` takes alone, beside a busy loop on every core, and on one core with two threads asked for.

    python -m tests.bench.shared_machine [--only digits-ref ...] [--effort quick standard] [--repeats 1] [--tree PATH]
        [--resnet8 FILE.onnx] [--to tests/bench/results/shared-machine.md]

Each check is a process of its own: wall clock and processor seconds by its resource usage, the best of the repeats. Its fair
share of the clock is twice what it takes alone where every core has one more to serve, and its processor time alone where
it has one core to itself. The first line is that on a terminal of its own. `--tree` measures the package of another checkout.
ResNet-8 is `cifar_resnet8_int8.tflite` of the development data as tf2onnx writes it. Exit code 1 where a bound is broken.
"""

from __future__ import annotations

import argparse
import os
import pty
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bnnaudit.core.cpu_cores import usable_cores
from tests.paths import ROOT

DATA = Path(os.environ.get("BNNAUDIT_BENCH_DATA", ROOT.parent / "shared" / "data"))
RESULTS = Path(__file__).parent / "results" / "shared-machine.md"
SAMPLES = ("digits-ref", "digits-ref-at", "digits-bnn-wq", "digits-bnn-waq")
MOST_OF_FAIR_SHARE = 1.3
MOST_SECONDS = {"quick": 10.0, "standard": 30.0}
"""Alone, on the sample networks."""
MOST_TO_FIRST_LINE = 2.0
BUSY = "while True: pass"


class Machine(StrEnum):
    """What else there is to do on the cores."""

    ALONE = "alone"
    LOOPS = "beside a loop a core"
    ONE_CORE = "one core, two threads"


@dataclass(frozen=True, slots=True)
class Case:
    """A model and the options of its check."""

    name: str
    model: Path
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What one check took, in seconds, and how it ended."""

    wall: float
    processor: float
    code: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; share: of the fair wall clock, None where the check was alone."""

    case: str
    effort: str
    machine: Machine
    taken: Taken
    share: float | None
    most: float | None = None

    @property
    def met(self) -> bool:
        """Whether the bounds hold."""
        fair = self.share is None or self.share <= MOST_OF_FAIR_SHARE
        return fair and (self.most is None or self.taken.wall <= self.most)

    def __str__(self) -> str:
        share = "" if self.share is None else f"{self.share:.2f}"
        times = f"{self.taken.wall:.1f} | {self.taken.processor:.1f}"
        return f"| {self.case} | {self.effort} | {self.machine} | {times} | {share} | {'' if self.met else 'missed'} |"


HEADER = ("| network | effort | machine | wall, s | processor, s | of fair share | |", "|---|---|---|---|---|---|---|")


def cases(resnet8: Path | None) -> Iterator[Case]:
    """The sample networks, and what of the development data is there."""
    for name in SAMPLES:
        yield Case(name, ROOT / "sample_models" / f"{name}.onnx")
    signs = ("--data", str(DATA / "gtsrb_30x30_test2000.npz"), "--input-range", "0,255", "--eps", "8/255")
    mnist = ("--data", "mnist", "--data-root", str(DATA / "mnist"), "--eps", "0.1")
    known = [
        Case("gtsrb-30x30", DATA / "gtsrb_30x30_bnn.onnx", signs),
        Case("mnist-2w2a", DATA / "mnist_tfc_2w2a_qonnx.onnx", mnist),
    ]
    if resnet8 is not None:
        pictures = ("--data", f"{DATA / 'cifar10-jpeg.zip'}:cifar10-jpeg/test", "--samples", "60")
        known.append(Case("resnet8-int8", resnet8, (*pictures, "--input-range=-128,127", "--eps", "2/255")))
    yield from (case for case in known if case.model.exists())


def command_of(case: Case, effort: str, *options: str) -> list[str]:
    """The command line of a check."""
    return [
        *(sys.executable, "-m", "bnnaudit", "check", str(case.model)),
        *(*case.options, "--effort", effort, "--format", "json", *options),
    ]


def timed(command: Sequence[str], tree: Path, cores: set[int] | None = None) -> Taken:
    """Runs a command in a process of its own, kept to some cores."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=tree,
        env=bare_environment(),
        stdout=subprocess.DEVNULL,
        preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,
    )
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Taken(wall, used.ru_utime + used.ru_stime, process.returncode)


def bare_environment() -> Mapping[str, str]:
    """This process's environment as a user has it: no number of threads, and no way of waiting."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "MKL_", "GOMP_", "KMP_"))}


@contextmanager
def loops(cores: set[int]) -> Iterator[None]:
    """A busy loop on each core."""
    busy = [
        subprocess.Popen([sys.executable, "-c", f"import os; os.sched_setaffinity(0, [{core}])\n{BUSY}"])
        for core in sorted(cores)
    ]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def first_line(case: Case, tree: Path) -> float:
    """Seconds until a quick check shows anything on a terminal; it is stopped then."""
    ours, theirs = pty.openpty()
    started = time.perf_counter()
    process = subprocess.Popen(
        command_of(case, "quick"), cwd=tree, env=bare_environment(), stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    try:
        os.read(ours, 1)
        return time.perf_counter() - started
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def best(taken: Sequence[Taken]) -> Taken:
    """The quickest."""
    return min(taken, key=lambda one: one.wall)


def rows(case: Case, effort: str, tree: Path, repeats: int) -> Iterator[Row]:
    """The lines of one check."""
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        kept = ("--quiet", "--output", str(Path(folder) / "report.json"))
        plain = command_of(case, effort, *kept)
        alone = best([timed(plain, tree) for _ in range(repeats)])
        most = MOST_SECONDS[effort] if case.name in SAMPLES else None
        yield Row(case.name, effort, Machine.ALONE, alone, None, most)
        with loops(cores):
            beside = best([timed(plain, tree) for _ in range(repeats)])
        yield Row(case.name, effort, Machine.LOOPS, beside, beside.wall / (2 * alone.wall))
        two = command_of(case, effort, *kept, "--threads", "2")
        narrow = best([timed(two, tree, {min(cores)}) for _ in range(repeats)])
        yield Row(case.name, effort, Machine.ONE_CORE, narrow, narrow.wall / alone.processor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and writes; 1 where a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--effort", nargs="+", choices=list(MOST_SECONDS), default=list(MOST_SECONDS))
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--tree", type=Path, default=ROOT, help="checkout whose package is measured")
    parser.add_argument("--resnet8", type=Path, help="cifar_resnet8_int8.tflite as ONNX")
    parser.add_argument("--to", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    chosen = [case for case in cases(given.resnet8) if not given.only or case.name in given.only]
    first = min(first_line(chosen[0], given.tree) for _ in range(3))
    text = f"# On shared machines\n\nMeasured by `python -m tests.bench.shared_machine` on {usable_cores()} cores.\n\n"
    text += f"Time to the first line: {first:.2f} s (at most {MOST_TO_FIRST_LINE:g} s).\n\n" + "\n".join(HEADER) + "\n"
    all_met = first <= MOST_TO_FIRST_LINE
    sys.stdout.write(text)
    for case in chosen:
        for effort in given.effort:
            for row in rows(case, effort, given.tree, given.repeats):
                all_met = all_met and row.met
                text += f"{row}\n"
                sys.stdout.write(f"{row}\n")
                sys.stdout.flush()
                given.to.parent.mkdir(parents=True, exist_ok=True)
                given.to.write_text(
                    text, encoding="utf-8"
                )  # after each line, so that a run cut short leaves what it has
    return 0 if all_met else 1


if __name__ == "__main__":
    sys.exit(main())
