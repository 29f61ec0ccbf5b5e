"""Time and memory of opening each of some ONNX files: `python -m tests.bench.hostile_onnx inspect|load FILES`.

Each is opened in a process of its own; the memory is the largest of that process and of those that it starts.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from pathlib import Path

import torch

from bnnaudit.core.errors import AuditError
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.onnx.load import inspect_onnx, load_onnx

LONGEST = 90
"""Seconds after which a file counts as one that hangs."""
CODES = {0: "opened", 2: "refused", 70: "ERROR"}


def main(how: str, files: list[str]) -> None:
    """Prints a line for each file."""
    for name in files:
        start = time.perf_counter()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            signal.alarm(LONGEST)
            code, text = opened(how, Path(name))
            own, others = (
                resource.getrusage(kind).ru_maxrss for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            )
            os.write(writer, f"{max(own, others) // 1024:5d} MiB  {text}".encode())
            os._exit(code)
        os.close(writer)
        with os.fdopen(reader) as stream:
            told = stream.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        outcome = CODES.get(code, code)
        sys.stdout.write(f"{Path(name).name:32} {outcome:8} {time.perf_counter() - start:5.1f} s {told}\n")
        sys.stdout.flush()


def opened(how: str, path: Path) -> tuple[int, str]:
    """The exit code that a command would have, and the message."""
    try:
        if how == "inspect":
            inspect_onnx(path, Preprocessing())
        else:
            load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))
    except AuditError as error:
        return 2, str(error)
    except Exception as error:
        return 70, repr(error)
    return 0, ""


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
