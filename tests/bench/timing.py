"""Ratios of costs, taken so that other work on the machine counts as little as possible."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table; `most` is what is asked for, or the least where `at_least`; None for a figure to know."""

    what: str
    value: float
    most: float | None = None
    at_least: bool = False
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the figure is as asked for."""
        if self.most is None:
            return True
        return self.value >= self.most if self.at_least else self.value <= self.most

    def __str__(self) -> str:
        shown = f"{self.value:.3g}{self.unit}"
        if self.most is None:
            return f"| {self.what} | {shown} | | |"
        sign, word = ">=" if self.at_least else "<=", "met" if self.met else "missed"
        return f"| {self.what} | {shown} | {sign} {self.most:g}{self.unit} | {word} |"


HEADER = ("| what | measured | asked for | |", "|---|---|---|---|")


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    return "\n".join((*HEADER, *map(str, figures))) + "\n"


def seconds(work: Callable[[], object], device: str) -> float:
    """Of the wall clock; of the processor where one thread computes, so that other work on the machine does not count.

    Of several threads those that wait for work count as busy, so that the processor's time would count them twice.
    """
    if device == "cpu" and torch.get_num_threads() > 1:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started
    if device == "cpu":
        started = time.process_time()
        work()
        return time.process_time() - started
    torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def median_ratios(
    base: Callable[[], object], others: Mapping[str, Callable[[], object]], rounds: int, device: str
) -> dict[str, float]:
    """Each of `others` over `base`: the median over rounds in which every one runs once, after one that is not counted."""
    ratios: dict[str, list[float]] = {name: [] for name in others}
    base()
    for work in others.values():
        work()
    for _ in range(rounds):
        reference = seconds(base, device)
        for name, work in others.items():
            ratios[name].append(seconds(work, device) / reference)
    return {name: statistics.median(values) for name, values in ratios.items()}


def machine(device: str) -> dict[str, str | int]:
    """What the figures were taken on."""
    if device != "cpu":
        return {"device": torch.cuda.get_device_name(), "torch": str(torch.__version__)}
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "device": names[0] if names else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }
