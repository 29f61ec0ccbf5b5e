"""Runs command lines as processes of their own, forked from one that has imported the package already: 20 ms instead of seconds.

As a program it reads requests, a line of JSON each, from stdin and answers each with a line on stdout. It never runs a network
itself, so that there are no threads that a fork would lose.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
import io
import json
import os
import pkgutil
import resource
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.paths import ROOT

WALL, PROCESSOR = 180, 60
"""Seconds that a command may take: more by the clock, for other work may keep it waiting."""
GRACE = 5
"""Seconds in which processes that were told to end are gone."""
NOT_CAUGHT = 99
"""Exit code of a process that an exception ended."""
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
"""Linux's capabilities by which root reads and writes what it has no right to."""
CAPABILITY_VERSION = 0x20080522


@dataclass(frozen=True, slots=True)
class Request:
    """A command line, where it runs, and what its stdin and stdout are: a path, or for stdout `closed` or `left`, a pipe whose
    reader has left."""

    words: Sequence[str]
    folder: str
    environment: Mapping[str, str]
    stdin: str
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit code, or minus the signal; seconds by the clock and of processor time, KiB at most, and the
    processes that it left."""

    code: int
    seconds: float
    processor: float
    memory: int
    left: int


class ForkServer:
    """The other process, as its client sees it."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, request: Request) -> Ended:
        """Runs a command line to its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asdict(request)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the fork server has ended"
        return Ended(**json.loads(answer))

    def close(self) -> None:
        """Ends it."""
        self.process.communicate()


def serve() -> None:
    """Answers requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import bnnaudit

    for module in pkgutil.walk_packages(bnnaudit.__path__, "bnnaudit."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)
    assert len(os.listdir("/proc/self/task")) <= threading.active_count() + 1  # noqa: PTH208 - OpenBLAS may have a pool
    for line in sys.stdin:
        answers.write(json.dumps(asdict(_run(Request(**json.loads(line))))) + "\n")
        answers.flush()


def _run(request: Request) -> Ended:
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            _become(request)
            code = _main()
        except BaseException:
            traceback.print_exc()
            code = NOT_CAUGHT
        os._exit(code)
    while True:
        ended, status, used = os.wait4(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() - start > WALL:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)
    seconds = time.monotonic() - start
    left = _left_by(child)
    processor = used.ru_utime + used.ru_stime
    return Ended(os.waitstatus_to_exitcode(status), seconds, processor, used.ru_maxrss, left)


def _left_by(session: int) -> int:
    """How many processes of a session are still there; they are killed."""
    waited = time.monotonic() + GRACE
    while (found := _of_session(session)) and time.monotonic() < waited:
        time.sleep(0.02)
    for process in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return len(found)


def _of_session(session: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, ValueError):
                state, _, _, number = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(number) == session and state != "Z":
                    found.append(int(entry.name))
    return found


def _become(request: Request) -> None:
    """Makes this process what the request says."""
    os.setsid()
    os.environ.clear()
    os.environ.update(request.environment)
    _bind(0, os.open(request.stdin, os.O_RDONLY | os.O_NONBLOCK))
    _bind(2, os.open(request.stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    _bind(1, _stdout(request.stdout))
    if request.stdout == "closed":
        os.close(1)
    os.chdir(request.folder)
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR + 5, PROCESSOR + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _drop_rights_of_root()
    sys.stdin = os.fdopen(os.dup(0), "r")
    sys.stdout = None if request.stdout == "closed" else os.fdopen(1, "w", closefd=False)  # type: ignore[assignment]
    sys.stderr = os.fdopen(2, "w", closefd=False, errors="backslashreplace")
    sys.argv = ["bnnaudit", *request.words]


def _bind(number: int, opened: int) -> None:
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)


def _stdout(name: str) -> int:
    if name == "left":
        reading, writing = os.pipe()
        os.close(reading)
        return writing
    return os.open(os.devnull if name == "closed" else name, os.O_WRONLY | os.O_CREAT, 0o600)


def _drop_rights_of_root() -> None:
    """Root obeys the rights of files from here on, as everybody does."""
    libc, head = ctypes.CDLL(None, use_errno=True), struct.pack("Ii", CAPABILITY_VERSION, 0)
    data = ctypes.create_string_buffer(24)
    if libc.capget(head, data) != 0:
        return
    sets = list(struct.unpack("6I", data.raw))
    sets[:3] = [held & ~(1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH) for held in sets[:3]]
    libc.capset(head, struct.pack("6I", *sets))


def _main() -> int:
    """The program, and what Python does when it ends."""
    from bnnaudit.__main__ import main

    code: Any = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.flush()
    return int(code or 0)


if __name__ == "__main__":
    serve()
