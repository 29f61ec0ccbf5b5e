"""What the process has to be told before the numerical libraries are loaded: threads, how they wait, and memory."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Mapping, MutableMapping

from bnnaudit.core.cpu_cores import usable_cores

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
"""For OpenMP's runtimes: a thread that waits sleeps. By default GNU's, which PyTorch's wheels bring, tries 300,000 times
before it does; on two cores with other work on them a check of `digits-bnn-waq` then took 16.8 s of processor time, and
takes 7.1 s so (6.6 s on one thread)."""
THREADS = "OMP_NUM_THREADS"
OTHER_THREADS = "MKL_NUM_THREADS"
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""
KEPT_FREE = {TRIM_THRESHOLD: 512 * 2**20, MMAP_THRESHOLD: 32 * 2**20}
"""Bytes that are kept for the next pass instead of being given back to the system, and the largest tensor (glibc's limit) that
comes out of them. By default more than 64 MiB go back after every pass and return page by page in the next: 32 images through
an int8 ResNet-8 and back took 1.5 to 1.7 times as long as through the float network, and 1.2 times with these."""
ALLOCATOR = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Variables by which users set up an allocator for themselves."""


def prepare(environment: MutableMapping[str, str]) -> None:
    """Lets waiting threads sleep, and counts the cores that may be used; what the user has set stays as it is."""
    if not any(name in environment for name in PASSIVE):
        environment.update(PASSIVE)
    if THREADS not in environment and OTHER_THREADS not in environment:
        environment[THREADS] = str(usable_cores())


def keep_memory(environment: Mapping[str, str]) -> None:
    """Lets glibc keep what a pass through a network frees; without glibc, or where the user has set it up, nothing."""
    if any(name in environment for name in ALLOCATOR):
        return
    with contextlib.suppress(AttributeError, OSError, TypeError):
        for parameter, size in KEPT_FREE.items():
            ctypes.CDLL(None).mallopt(parameter, size)
