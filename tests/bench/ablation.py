"""What each part of `auto` adds: images left and work done with all parts and with one switched off.

    python -m tests.bench.ablation [--samples 60] [--budget 300] [--only NAME ...] [--parts PART ...] [--output FILE]

A row for each network, radius and part, written at once: images that the deployed model gets right, how many of them are left
by `auto` and by `auto` without the part, gradients per image and seconds of processor time of both. Parts that change nothing
for a network, since they do not apply, are left out.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor

from bnnaudit.attacks.auto import run as auto_run
from bnnaudit.attacks.table import run_attack
from bnnaudit.audit.replay_check import replay
from bnnaudit.core.attack import AttackSettings, Budget, Method
from bnnaudit.core.auto_run import PhaseName
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat, parse_length
from tests.bench.ablation_networks import NETWORKS, network, sample
from tests.bench.strongest import Effort, cases, opened, run

PARTS = {
    "halving": (auto_run._Run, "chosen", lambda self, among: ()),
    "level search": (auto_run, "find_input_levels", lambda *_: None),
    "unit search": (auto_run, "searchable", lambda *_: None),
    "window search": (auto_run._Run, "search_windows", lambda *_: None),
    "giving up": (auto_run._Run, "drop_hopeless", lambda *_: None),
}
RADII = {
    "digits-ref": ("0.05", "0.1", "l2 0.5"),
    "digits-bnn-wq": ("0.05", "0.1", "l2 0.5"),
    "digits-bnn-waq": ("0.03", "0.05", "l2 0.2"),
    "digits-ref-at": ("0.2", "0.3"),
    "mnist-tfc-2w2a": ("0.05", "0.1", "0.2", "l2 1"),
    "gtsrb-bnn": ("1/255", "2/255", "3/255", "8/255", "l2 0.1"),
}
WAYS = {
    "level search": PhaseName.LEVELS,
    "unit search": PhaseName.UNITS,
    "window search": PhaseName.WINDOWS,
    "halving": PhaseName.CHOOSING,
}
HEAD = "| network | eps | clean | part | left with | without | gradients with | without | s with | without |"


def subjects(samples: int) -> Iterator[tuple[str, Sequence[str], Target, Batch, Tensor]]:
    """Name, radii, network, images, and which of them it gets right."""
    for case in cases():
        yield case.name, RADII[case.name], *opened(case, samples)
    for name, spec in NETWORKS.items():
        target = network(name)
        yield name, spec.radii, target, *sample(target, name, samples)


def without(part: str) -> AbstractContextManager[object]:
    """Inside it `auto` lacks a part."""
    return mock.patch.object(*PARTS[part])


def measured(
    target: Target, sample: Batch, clean: Tensor, threat: Threat, budget: str
) -> tuple[Effort, set[PhaseName]]:
    """`auto` on what is classified correctly, and what it was made of."""
    effort, rows = Effort(clean.clone()), clean.nonzero().squeeze(1)
    batch, started = sample.select(rows), time.process_time()
    settings = AttackSettings(Method.AUTO, budget=Budget.parse(budget))
    outcome = run_attack(settings, target, batch, threat, 0, batch)
    effort.seconds, effort.cost = time.process_time() - started, outcome.cost
    effort.standing[rows[replay(target, batch, threat, outcome).fooled]] = False
    return effort, {part.way for part in outcome.parts}


def threat_of(radius: str, target: Target) -> Threat:
    """The threat that a radius stands for; L-inf unless it says otherwise."""
    norm, eps = radius.split() if " " in radius else (Norm.LINF, radius)
    return Threat(Norm(norm), parse_length(eps), target.facts.box)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--budget", default="300")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--parts", nargs="*", default=list(PARTS))
    parser.add_argument("--radii", nargs="*", default=[])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    say(HEAD, options.output)
    say("|---" * (HEAD.count("|") - 1) + "|", options.output)
    for name, radii, target, batch, clean in subjects(options.samples):
        if options.only and name not in options.only:
            continue
        for radius in options.radii or radii:
            threat = threat_of(radius, target)
            run(Effort(clean.clone()), target, batch, clean, threat, AttackSettings(steps=1))
            whole, ways = measured(target, batch, clean, threat, options.budget)
            start = [name, radius, str(int(clean.sum()))]
            if not options.parts:
                say(row(start, "-", whole, whole, clean), options.output)
            for part in options.parts:
                if WAYS.get(part, PhaseName.FIRST) not in ways:
                    continue
                with without(part):
                    lacking, _ = measured(target, batch, clean, threat, options.budget)
                say(row(start, part, whole, lacking, clean), options.output)
    return 0


def row(start: list[str], part: str, whole: Effort, lacking: Effort, clean: Tensor) -> str:
    """One line of the table."""
    images = max(1, int(clean.sum()))
    both = (whole, lacking)
    cells = [*start, part, *(str(int(each.standing.sum())) for each in both)]
    cells += [f"{each.cost.backwards / images:.0f}" for each in both]
    cells += [f"{each.seconds:.1f}" for each in both]
    return "| " + " | ".join(cells) + " |"


def say(line: str, output: Path | None) -> None:
    """A line of the table at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    if output is not None:
        with output.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
