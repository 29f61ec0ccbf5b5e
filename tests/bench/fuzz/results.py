"""Results, a line of JSON each, appended as they come: a run that is killed is continued where it was."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

FORKED, APART = "fork", "process"


@dataclass(frozen=True, slots=True)
class Result:
    """How a case ended. how: in a fork or a process of its own; problems: what was not allowed about it."""

    seed: int
    index: int
    kind: str
    how: str
    command: str
    code: int
    seconds: float
    processor: float
    peak: int
    problems: tuple[str, ...] = ()
    said: str = ""
    note: str = ""


def append(path: Path, result: Result) -> None:
    """One line in one write, so that several processes may do so and none is cut by another."""
    line = json.dumps(asdict(result)) + "\n"
    with path.open("ab", buffering=0) as file:
        file.write(line.encode())
        os.fdatasync(file.fileno())


def read(path: Path) -> Iterator[Result]:
    """The results of a file, each case's last; a line that was cut off is none. Ends the last line where it was."""
    if not path.exists():
        return
    content = path.read_bytes()
    found: dict[tuple[int, int], Result] = {}
    for line in content.splitlines():
        try:
            values = json.loads(line)
        except ValueError:
            continue
        values["problems"] = tuple(values["problems"])
        result = Result(**values)
        found[result.seed, result.index] = result
    if content and not content.endswith(b"\n"):
        with path.open("ab") as file:
            file.write(b"\n")
    yield from found.values()


def table(results: Iterable[Result]) -> str:
    """Counts by kind of input and exit code, and of everything that was not allowed."""
    results = list(results)
    codes = sorted({result.code for result in results})
    kinds = list(dict.fromkeys(result.kind for result in sorted(results, key=lambda one: one.index)))
    rows = [["kind", "cases", *(f"exit {code}" for code in codes), "bad", "CPU s", "longest", "most GiB"]]
    for kind in (*kinds, "all"):
        rows.append(_row(kind, [result for result in results if kind in (result.kind, "all")], codes))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    apart = sum(result.how == APART for result in results)
    lines.append(f"{apart} of them in processes of their own")
    counts = Counter((problem.split(":")[0], result.kind) for result in results for problem in result.problems)
    lines += [f"{count:6}  {problem} ({kind})" for (problem, kind), count in counts.most_common()]
    return "\n".join(lines)


def _row(kind: str, results: list[Result], codes: list[int]) -> list[str]:
    counts = Counter(result.code for result in results)
    return [
        kind,
        str(len(results)),
        *(str(counts[code]) for code in codes),
        str(sum(bool(result.problems) for result in results)),
        f"{sum(result.processor for result in results):.0f}",
        f"{max((result.processor for result in results), default=0):.1f} s",
        f"{max((result.peak for result in results), default=0) / 2**30:.2f}",
    ]
