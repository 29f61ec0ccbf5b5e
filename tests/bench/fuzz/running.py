"""Runs a command line on a case's files, in a fork of this process or in a new one, and measures what that took.

A fork costs milliseconds where a new process takes two seconds to import PyTorch and ONNX Runtime, and it can be watched from
within: Python tells a hook of every file that is opened for writing, every process and every connection.
"""

from __future__ import annotations

import atexit
import faulthandler
import gc
import os
import resource
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.paths import ROOT

GIB = 2**30
SECONDS = 60.0
"""That a case may take, of processor time and on the clock of a machine that is not shared."""
LONGEST = 600.0
"""On the clock of one that is."""
BYTES = 4 * GIB
"""Of memory that a case may take."""
ROOM = 6 * GIB
"""Of addresses beyond those of the parent, so that what asks for far too much ends before the machine does."""
LARGEST_FILE = 2 * GIB
LONGEST_TEXT = 32 * 2**20
"""Of what is kept of stdout or stderr."""
POLLING = 0.25
"""Seconds between two looks at a process that runs."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGING = frozenset(
    {
        "os.chmod", "os.chown", "os.link", "os.mkdir", "os.mkfifo", "os.mknod", "os.remove", "os.rename", "os.rmdir",
        "os.symlink", "os.truncate", "os.utime", "shutil.rmtree", "shutil.move", "shutil.copyfile",
    }
)  # fmt: skip
STARTING = frozenset({"os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "subprocess.Popen"})
CONNECTING = frozenset({"socket.bind", "socket.connect", "socket.getaddrinfo", "urllib.Request"})
SET_BY_IMPORT = ("ORT_DISABLE_TELEMETRY",)
"""Variables that `import bnnaudit` sets, which a fork does not do again."""
HARMLESS = ("/dev/null", "/proc/self/")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended.

    code: its exit code, minus the signal that ended it. stopped: why it was ended from here, or nothing. seconds: on the
    clock, less what it waited for a processor. processor: seconds of processor time. peak: bytes of memory of its largest
    process, or of all where that was found to be more. acts: what the hook saw that no file may lead to.
    """

    code: int
    out: bytes
    err: bytes
    stopped: str = ""
    seconds: float = 0.0
    processor: float = 0.0
    peak: int = 0
    acts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a case runs: `inside` with its files, and beside it what a home and a place for temporary files are to it."""

    folder: Path

    @property
    def inside(self) -> Path:
        """The current folder of the command."""
        return self.folder / "work" / "inside"

    @property
    def around(self) -> Path:
        """All that the command may reach by its environment; nothing but `inside` may have files in it after the run."""
        return self.folder / "work"

    def make(self) -> None:
        """Makes the folders."""
        for path in (self.inside, self.around / "home", self.around / "tmp"):
            path.mkdir(parents=True)

    def environment(self) -> dict[str, str]:
        """That of the command."""
        return {
            "HOME": str(self.around / "home"),
            "TMPDIR": str(self.around / "tmp"),
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "LANG": "C.UTF-8",
            **{name: os.environ[name] for name in SET_BY_IMPORT if name in os.environ},
        }


Program = Callable[[], object]


def program() -> None:
    """The real one, as the command `bnnaudit` starts it."""
    from bnnaudit.__main__ import main

    main()


def warm_up() -> None:
    """Imports what commands import, so that each fork has it."""
    import importlib
    import pkgutil

    import torch

    import bnnaudit

    torch.set_num_threads(1)
    for module in pkgutil.walk_packages(bnnaudit.__path__, "bnnaudit."):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):  # an extra that is not installed
                importlib.import_module(module.name)
    for name in ("onnx.checker", "onnx.shape_inference", "onnxruntime", "PIL.Image", "safetensors.torch", "onnxscript"):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def run_forked(
    arguments: Sequence[str], place: Place, seconds: float = SECONDS, bytes_: int = BYTES, run: Program = program
) -> Ending:
    """Runs the program in a fork."""
    seen, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(seen)
            _become(place, tell)
            _limit()
            sys.argv = ["bnnaudit", *arguments]
            code = _exit_code(run)
        except BaseException:
            traceback.print_exc()
            code = 1
        with suppress(Exception):
            sys.stdout.flush()
        with suppress(Exception):
            sys.stderr.flush()
        os._exit(code)
    os.close(tell)
    ending = _watched(child, place, seconds, bytes_)
    os.set_blocking(seen, False)  # a process that was left behind may hold the other end
    with os.fdopen(seen, "rb") as stream:
        acts = (stream.read() or b"").decode("utf-8", "backslashreplace").splitlines()
    return Ending(*_fields(ending), acts=tuple(dict.fromkeys(acts)))


def run_apart(arguments: Sequence[str], place: Place, seconds: float = SECONDS, bytes_: int = BYTES) -> Ending:
    """Runs the program in a new process, as a user would; without the hook."""
    with (place.folder / "out").open("wb") as out, (place.folder / "err").open("wb") as err:
        child = subprocess.Popen(
            [sys.executable, "-m", "bnnaudit", *arguments],
            cwd=place.inside,
            env=place.environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
            preexec_fn=_limit,
        )
    ending = _watched(child.pid, place, seconds, bytes_)
    child.returncode = ending.code
    return ending


def _fields(ending: Ending) -> tuple[Any, ...]:
    return (ending.code, ending.out, ending.err, ending.stopped, ending.seconds, ending.processor, ending.peak)


def _become(place: Place, tell: int) -> None:
    """Makes the fork what a new process would be: its folder, its environment, its streams; and sets the hook."""
    os.setsid()
    atexit._clear()  # what the parent's own libraries would do at its end
    faulthandler.disable()
    os.chdir(place.inside)
    environment = place.environment()
    os.environ.clear()
    os.environ.update(environment)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    out = os.open(place.folder / "out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    err = os.open(place.folder / "err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, stream in enumerate((nowhere, out, err)):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - open as long as the process runs
    sys.stdout = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    import tempfile

    tempfile.tempdir = None
    allowed = f"{place.around}/"

    def hook(event: str, details: tuple[Any, ...]) -> None:
        for act in _acts(event, details, allowed):
            os.write(tell, f"{act}\n".encode("utf-8", "backslashreplace"))

    sys.addaudithook(hook)


def _acts(event: str, details: tuple[Any, ...], allowed: str) -> Iterator[str]:
    """What an event of Python's is that no file may lead to, in words."""
    if event == "open":
        path, mode, flags = details
        writes = (
            bool(flags & WRITING) if isinstance(flags, int) and mode is None else any(c in str(mode) for c in "wxa+")
        )
        if writes and not isinstance(path, int) and not _is_inside(path, allowed):
            yield f"writes {path!r}"
    elif event in CHANGING:
        for path in details:
            if isinstance(path, str | bytes | os.PathLike) and not _is_inside(path, allowed):
                yield f"{event} {path!r}"
    elif event in STARTING or event in CONNECTING:
        yield f"{event} {str(details)[:200]!r}"


def _is_inside(path: Any, allowed: str) -> bool:
    whole = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - links are judged by where they lie
    return f"{whole}/".startswith(allowed) or whole.startswith(HARMLESS)


def _limit() -> None:
    """Limits that keep the machine alive; the ones that count are judged from outside."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM,) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _exit_code(run: Program) -> int:
    """The exit code that Python would end with."""
    try:
        run()
        code: object = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    with suppress(Exception):
        atexit._run_exitfuncs()
    return 0 if code is None else code if isinstance(code, int) else 1


def _watched(child: int, place: Place, seconds: float, bytes_: int) -> Ending:
    """Waits for the child, and ends it where it takes too long or too much."""
    started = time.monotonic()
    stopped, waited, peak = "", 0.0, 0
    ready = os.pidfd_open(child)
    try:
        while not stopped and not select.select([ready], [], [], POLLING)[0]:
            tree = list(_tree(child))
            processor, delay = _times(tree)
            waited = max(waited, delay)
            clock = time.monotonic() - started
            memory = _memory(tree, bytes_)
            peak = max(peak, memory)
            if memory > bytes_:
                stopped = "memory"
            elif clock - waited > seconds or processor > seconds or clock > LONGEST:
                stopped = "hang"
    finally:
        os.close(ready)
        tree = list(_tree(child)) if stopped else []
        for process in tree:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    clock = time.monotonic() - started
    _end_session(child)
    return Ending(
        os.waitstatus_to_exitcode(status),
        _beginning(place.folder / "out"),
        _beginning(place.folder / "err"),
        stopped,
        clock - waited,
        used.ru_utime + used.ru_stime,
        max(peak, used.ru_maxrss * 1024),
    )


def _end_session(child: int) -> None:
    """Ends what the child left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST_TEXT)


def _tree(process: int) -> Iterator[int]:
    """The process and those that it started."""
    yield process
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return
    for one in children:
        yield from _tree(int(one))


def _times(tree: Sequence[int]) -> tuple[float, float]:
    """Seconds of processor time of the processes, with those that have ended, and seconds that they waited for a processor."""
    ticks, waited = 0, 0
    for process in tree:
        with suppress(OSError, IndexError, ValueError):
            numbers = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, numbers[11:15]))
            waited += int(Path(f"/proc/{process}/schedstat").read_text().split()[1])
    return ticks / os.sysconf("SC_CLK_TCK"), waited / 1e9


def _memory(tree: Sequence[int], bytes_: int) -> int:
    """Bytes of memory of all together; what they share is counted once where the sum without that is too much."""
    resident = sum(_resident(process) for process in tree)
    return resident if resident <= bytes_ else sum(_proportional(process) for process in tree)


def _resident(process: int) -> int:
    with suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize()
    return 0


def _proportional(process: int) -> int:
    with suppress(OSError, IndexError, ValueError):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return 0
