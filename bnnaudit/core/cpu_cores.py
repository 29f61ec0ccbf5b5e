"""How many processor cores this process may use: its affinity, and the share that a control group leaves it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

CONTROLLER = "cpu"
"""Of control groups of version 1; version 2 has one tree for all controllers."""


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that this process may keep busy, at least 1; `root` is where /proc and /sys lie.

    A quota of 1.5 cores counts as one: of two threads one would be stopped for half of the time, and the other wait.
    """
    quotas = list(_quotas(root))
    return max(1, int(min([_affinity(), *quotas])))


def _affinity() -> int:
    """Cores by the scheduler's mask; where the system has none, all of the machine's."""
    counted = getattr(os, "process_cpu_count", None)  # from Python 3.13 on, where users may state a number
    if counted is not None:
        return counted() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """Every limit, in cores, on the way from this process's control groups to the top."""
    for hierarchy, group in _groups(root):
        for top, mount in _mounts(root, hierarchy):
            for folder in _way_up(top, mount, group):
                quota = _quota(folder, hierarchy)
                if quota is not None:
                    yield quota


def _groups(root: Path) -> Iterator[tuple[str, PurePosixPath]]:
    """The process's group for processor time in each hierarchy: `cpu` of version 1, and "" for version 2."""
    for line in _lines(root / "proc/self/cgroup"):
        parts = line.split(":", 2)
        if len(parts) != 3:
            continue
        _, controllers, group = parts
        if not controllers or CONTROLLER in controllers.split(","):
            yield (CONTROLLER if controllers else "", PurePosixPath(group))


def _mounts(root: Path, hierarchy: str) -> Iterator[tuple[PurePosixPath, Path]]:
    """The group at the top of each mounted tree of a hierarchy and the folder of its files, by /proc/self/mountinfo (proc(5))."""
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        found = kind[0] == "cgroup" and hierarchy in kind[2].split(",") if hierarchy else kind[0] == "cgroup2"
        if found:
            yield PurePosixPath(fields[3]), root / fields[4].lstrip("/")


def _way_up(top: PurePosixPath, mount: Path, group: PurePosixPath) -> Iterator[Path]:
    """The folder of a group and those of all groups that hold it; the mount's own where the group does not lie below `top`.

    A container often sees its own group as the top of the tree while the path still names the host's.
    """
    inside = group.relative_to(top) if group.is_relative_to(top) else PurePosixPath()
    if ".." in inside.parts:
        inside = PurePosixPath()
    return (mount / part for part in (inside, *inside.parents))


def _quota(folder: Path, hierarchy: str) -> float | None:
    """A group's limit in cores, a quota over a period; None where there is none, which is written -1 or `max`.

    Version 2 has both in `cpu.max`: `50000 100000` is half a core.
    """
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if hierarchy else ("cpu.max",)
    words = " ".join(line for name in names for line in _lines(folder / name)[:1]).split()
    try:
        quota, period = map(int, words)
        return quota / period if quota > 0 else None
    except (ValueError, ZeroDivisionError):
        return None


def _lines(path: Path) -> list[str]:
    """The lines of a file of the system; none where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
