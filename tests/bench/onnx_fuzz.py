"""Broken ONNX files against the tool: `python -m tests.bench.onnx_fuzz [--count 2000] [--seed 0] [--keep DIR]`.

Every file must end with exit code 2 and one line on stderr, or in a run like any other, within 30 seconds and 4 GiB. Prints
the outcomes and every failure; `--only INDEX` repeats one file in this process, with the traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import resource
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import typer

from tests.models.onnx.fuzz_cases import Ending, arguments, ending_of, file_of, write_images
from tests.models.onnx.fuzz_seeds import seed_models

SECONDS = 30
BYTES = 4 * 2**30


def main() -> None:
    """Judge the files, in processes of their own."""
    options = _options()
    if options.only is not None:
        sys.exit(_repeat(options.seed, options.only, options.keep))
    indices = list(range(options.start, options.start + options.count))
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        endings = _judge(options.seed, indices, options.jobs, Path(folder), options.keep)
    for outcome, count in Counter(ending.outcome for ending in endings.values()).most_common():
        typer.echo(f"{count:6}  {outcome}")
    slowest = max(endings.values(), key=lambda ending: ending.seconds)
    largest = max(ending.peak for ending in endings.values())
    typer.echo(
        f"{len(endings)} files in {time.monotonic() - started:.0f} s, the slowest {slowest.seconds:.1f} s, "
        f"the most memory {largest / 2**30:.2f} GiB; seed {options.seed}"
    )
    sys.exit(any(not ending.good for ending in endings.values()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":")[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0, help="first index")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", type=int, help="repeat one file in this process")
    parser.add_argument("--keep", type=Path, help="folder for the files that fail")
    return parser.parse_args()


def _report(seed: int, index: int, ending: Ending, keep: Path | None) -> None:
    name, data = file_of(seed, index)
    typer.echo(f"{ending.outcome}: --seed {seed} --only {index} ({name}, {ending.seconds:.1f} s): {ending.text[:400]}")
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{seed}-{index}-{name}.onnx").write_bytes(data)


def _repeat(seed: int, index: int, keep: Path | None) -> int:
    from bnnaudit.cli.main import run

    name, data = file_of(seed, index)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if keep is None else keep
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{seed}-{index}-{name}.onnx"
        path.write_bytes(data)
        code = run([*arguments(path, write_images(folder)), "--verbose"])
    typer.echo(f"exit code {code}")
    return code


def _judge(seed: int, indices: list[int], jobs: int, folder: Path, keep: Path | None) -> dict[int, Ending]:
    """Every file's ending; each of `jobs` workers takes the next file as soon as it is free."""
    queue = iter(indices)
    lock = threading.Lock()
    endings: dict[int, Ending] = {}

    def serve(number: int) -> None:
        place = folder / str(number)
        place.mkdir()
        with contextlib.closing(Worker(seed, place)) as worker:
            while True:
                with lock:
                    index = next(queue, None)
                if index is None:
                    return
                endings[index] = worker.judge(index)
                if not endings[index].good:
                    _report(seed, index, endings[index], keep)

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return endings


class Worker:
    """A process that judges one file after another, and is replaced where a file takes it down."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, self.seed, self.folder), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()  # it has imported everything

    def judge(self, index: int) -> Ending:
        """The ending of a file; a crash or a hang is one too."""
        self._pipe.send(index)
        try:
            if self._pipe.poll(SECONDS):
                ending: Ending = self._pipe.recv()
                return ending
            ending = Ending(f"hang of {SECONDS} s", "", SECONDS)
        except (EOFError, ConnectionError):
            self._process.join()
            ending = Ending(f"crash (exit {self._process.exitcode})", "")
        self._process.kill()
        self._process.join()
        self._start()
        return ending

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def _work(pipe: Connection, seed: int, folder: Path) -> None:
    import torch

    from bnnaudit.cli.main import run

    torch.set_num_threads(1)
    data = write_images(folder)
    warm = folder / "sound.onnx"
    for model in seed_models().values():
        warm.write_bytes(model.SerializeToString())
        if run(arguments(warm, data)):
            raise RuntimeError("a sound model fails")
    limit = _status("VmSize") + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    pipe.send(None)
    while True:
        index = pipe.recv()
        path = folder / "broken.onnx"
        path.write_bytes(file_of(seed, index)[1])
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak of memory
        before, started = _status("VmRSS"), time.monotonic()
        with _stderr(folder / "stderr") as errors:
            code = run(arguments(path, data))
        seconds, peak = time.monotonic() - started, _status("VmHWM") - before
        outcome, text = ending_of(code, errors.read_text(errors="replace"))
        if peak > BYTES:
            outcome = "more than 4 GiB"
        pipe.send(Ending(outcome, text, seconds, peak))


@contextlib.contextmanager
def _stderr(path: Path) -> Iterator[Path]:
    """All that goes to stderr, what libraries of C write included, goes to a file."""
    sys.stderr.flush()
    kept = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield path
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def _status(key: str) -> int:
    """A size in bytes from the kernel's account of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))


if __name__ == "__main__":
    main()
