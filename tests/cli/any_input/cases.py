"""Command lines to try: every command, with every kind of file in each of its places, and its output in every kind of place."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.cli.any_input.good_files import DAMAGE, INSTEAD, KINDS, NAMES

FEW = ("--samples", "4", "-q")
NETWORK = ("--data", "{data}", "--card", "{card}", *FEW)
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "check": ("{model}", *NETWORK, "--effort", "quick", "--substitute", "none"),
    "attack": ("{model}", *NETWORK, "--steps", "2"),
    "sweep": ("{model}", *NETWORK, "--over", "iterations", "--values", "1,2"),
    "signal": ("{model}", *NETWORK),
    "clever": ("{model}", *NETWORK, "--batches", "5", "--draws", "1"),
    "reproduce": ("table13", "--model", "{model}", *NETWORK),
    "inspect": ("{model}", "--card", "{card}", "-q"),
    "verify": ("{evidence}", "--model", "{audited}", "--card", "{card}"),
    "compare": ("{report}", "{report}", "-q"),
    "history": ("--history", "{history}", "-q"),
    "render": ("{report}", "{stdin}", "-q"),
    "explain": ("FR301",),
    "train": ("{recipe}", "-q"),
}
"""A use of each command; what stands in braces is the place of a file."""
MORE_READ: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "check": {
        "report": ("--baseline", "{report}"),
        "audited": ("--substitute", "{audited}"),
        "empty_folder": ("--data-root", "{empty_folder}"),
    },
    "attack": {
        "audited": ("--method", "transfer", "--substitute", "{audited}"),
        "empty_folder": ("--data-root", "{empty_folder}"),
    },
    **{command: {"empty_folder": ("--data-root", "{empty_folder}")} for command in ("sweep", "signal", "clever")},
    "train": {"data": ("--new", "{data}"), "empty_folder": ("--data-root", "{empty_folder}")},
    "reproduce": {
        "audited": ("--substitute", "{audited}"),
        "networks": ("--models", "{networks}"),
        "empty_folder": ("--data-root", "{empty_folder}"),
    },
}
"""Places that a command has besides -> the options that make them."""
IN_CWD = ("check", "attack", "sweep", "signal", "clever", "reproduce", "inspect")
"""Commands that read the project's file in the current folder."""
WRITTEN: Mapping[str, tuple[str, ...]] = {
    "check": ("--report", "--evidence", "--history"),
    "attack": ("--report", "--evidence", "--save"),
    "sweep": ("--report", "--plot"),
    "signal": ("--report", "--plot"),
    "clever": ("--report",),
    "reproduce": ("--report", "--figures"),
    "inspect": ("--report",),
    "compare": ("--report",),
    "history": ("--report", "--plot"),
    "render": ("--report",),
}
"""Options besides `--output` that name what is written."""
SUFFIXES = {"--report": ".html", "--save": ".npz", "--plot": ".svg", "--evidence": ".zip"}
GOOD = "good"
BROKEN = ("closed", "full", "left")
"""Streams that take nothing, or not everything."""
TO = (
    "stdout",
    *BROKEN,
    "file",
    "a file that is there",
    "a missing folder",
    "a folder without rights",
    "a folder",
    "the input",
    "a pipe",
)
"""Where the output goes. Each option of WRITTEN is a place of its own besides."""


@dataclass(frozen=True, slots=True)
class Case:
    """A command whose place `kind` is held by `file`, changed as `change` says, and whose output goes `to` some place."""

    command: str
    kind: str
    file: str
    change: str
    to: str
    seed: int

    def __str__(self) -> str:
        return f"{self.command}: {self.kind} {self.file} {self.change}, to {self.to}, seed {self.seed}"


def places_of(command: str) -> tuple[str, ...]:
    """The kinds of files that a command reads."""
    said = [word[1:-1] for word in COMMANDS[command] if word.startswith("{")]
    pictures = ["picture"] if "data" in said else []
    project = ["project"] if command in IN_CWD else []
    return tuple(dict.fromkeys([*said, *pictures, *project, *MORE_READ.get(command, {})]))


def cases_of(command: str, count: int, seed: int) -> list[Case]:
    """So many cases, drawn from all; first those whose files are good, a place for the output each."""
    draw = random.Random(f"{command} {seed}")
    places = places_of(command) or ("",)
    outputs = [*TO, *WRITTEN.get(command, ())]
    files = {kind: KINDS.get(kind, ("",)) for kind in places}
    good = [
        Case(command, kind := draw.choice(places), draw.choice(files[kind]), GOOD, to, draw.randrange(2**32))
        for to in outputs
    ]
    bad = [
        Case(command, kind, file, change, draw.choice(outputs), draw.randrange(2**32))
        for kind in places
        for file in files[kind]
        for change in _changes(kind)
    ]
    draw.shuffle(good)
    draw.shuffle(bad)
    return [case for _, case in zip(range(count), _mixed(good, bad), strict=False)]


def _mixed(good: list[Case], bad: list[Case]) -> Iterator[Case]:
    """One of the first kind, three of the second, and so on."""
    first, second = iter(good), iter(bad)
    while True:
        taken = [*_some(first, 1), *_some(second, 3)]
        if not taken:
            return
        yield from taken


def _some(cases: Iterator[Case], count: int) -> list[Case]:
    return [case for _, case in zip(range(count), cases, strict=False)]


def _changes(kind: str) -> tuple[str, ...]:
    if kind == "":
        return ()
    if kind == "stdin":
        return (*DAMAGE, "empty")
    return (*DAMAGE, *INSTEAD, *(NAMES if kind not in ("project", "picture") else ()))
