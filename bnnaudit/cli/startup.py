"""What the process's environment has to say before the numerical libraries are loaded, which read it once."""

from __future__ import annotations

from collections.abc import MutableMapping

from bnnaudit.core.cores import usable_cores

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
"""For OpenMP's runtimes: a thread that waits sleeps. By default GNU's, which PyTorch's wheels bring, tries 300,000 times
before it does; on two cores with other work on them a check of `digits-bnn-waq` then took 16.8 s of processor time, and
takes 7.1 s so (6.6 s on one thread)."""
THREADS = "OMP_NUM_THREADS"
OTHER_THREADS = "MKL_NUM_THREADS"


def prepare(environment: MutableMapping[str, str]) -> None:
    """Lets waiting threads sleep, and counts the cores that may be used; what the user has set stays as it is."""
    if not any(name in environment for name in PASSIVE):
        environment.update(PASSIVE)
    if THREADS not in environment and OTHER_THREADS not in environment:
        environment[THREADS] = str(usable_cores())
