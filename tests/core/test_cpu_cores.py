"""The cores that a process may use, against trees of control groups as Linux, Docker and Kubernetes make them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bnnaudit.core import cpu_cores
from bnnaudit.core.cpu_cores import usable_cores

V2 = "25 1 0:23 {top} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw"
V1 = "30 1 0:26 {top} /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct"
MEMORY = "31 1 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
GROUP = "sys/fs/cgroup"
GROUP_V1 = "sys/fs/cgroup/cpu,cpuacct"


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_cores, "_affinity", lambda: 8)


def tree(root: Path, cgroup: str, mounts: str, files: Mapping[str, str]) -> Path:
    """A file system's root with these groups, mounts and limits."""
    for name, text in {"proc/self/cgroup": cgroup, "proc/self/mountinfo": mounts, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max 100000", 8),
        ("50000 100000", 1),
        ("150000 100000", 1),
        ("200000 100000", 2),
        ("350000 50000", 7),
        ("1600000 100000", 8),
        ("0 100000", 8),
        ("nonsense", 8),
        ("", 8),
    ],
)
def test_a_quota_of_version_2(tmp_path: Path, limit: str, expected: int) -> None:
    root = tree(tmp_path, "0::/", V2.format(top="/"), {f"{GROUP}/cpu.max": limit})
    assert usable_cores(root) == expected


@pytest.mark.parametrize(
    ("quota", "period", "expected"), [("-1", "100000", 8), ("50000", "100000", 1), ("300000", "100000", 3)]
)
def test_a_quota_of_version_1(tmp_path: Path, quota: str, period: str, expected: int) -> None:
    files = {f"{GROUP_V1}/job/cpu.cfs_quota_us": quota, f"{GROUP_V1}/job/cpu.cfs_period_us": period}
    root = tree(tmp_path, "4:memory:/\n3:cpu,cpuacct:/job\n0::/", f"{V1.format(top='/')}\n{MEMORY}", files)
    assert usable_cores(root) == expected


def test_the_tightest_group_on_the_way_up_counts(tmp_path: Path) -> None:
    files = {
        f"{GROUP}/pods/cpu.max": "600000 100000",
        f"{GROUP}/pods/one/cpu.max": "200000 100000",
        f"{GROUP}/pods/one/inner/cpu.max": "max 100000",
        f"{GROUP}/other/cpu.max": "100000 100000",
    }
    assert usable_cores(tree(tmp_path, "0::/pods/one/inner", V2.format(top="/"), files)) == 2


def test_a_container_that_sees_its_own_group_as_the_top(tmp_path: Path) -> None:
    """Docker without a namespace of groups: the path is the host's, the mount shows the container's group alone."""
    files = {f"{GROUP_V1}/cpu.cfs_quota_us": "200000", f"{GROUP_V1}/cpu.cfs_period_us": "100000"}
    root = tree(tmp_path, "3:cpu,cpuacct:/docker/abc", V1.format(top="/docker/abc"), files)
    assert usable_cores(root) == 2


def test_a_path_outside_of_the_mount(tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/../../other", V2.format(top="/"), {f"{GROUP}/cpu.max": "100000 100000"})
    assert usable_cores(root) == 1


def test_both_versions_at_once(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/unified/cpu.max": "400000 100000",
        f"{GROUP_V1}/cpu.cfs_quota_us": "300000",
        f"{GROUP_V1}/cpu.cfs_period_us": "100000",
    }
    unified = V2.format(top="/").replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
    root = tree(tmp_path, "1:cpu,cpuacct:/\n0::/", f"{V1.format(top='/')}\n{unified}", files)
    assert usable_cores(root) == 3


def test_a_system_without_control_groups(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == 8


def test_affinity_is_the_least(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_cores, "_affinity", lambda: 1)
    root = tree(tmp_path, "0::/", V2.format(top="/"), {f"{GROUP}/cpu.max": "400000 100000"})
    assert usable_cores(root) == 1
