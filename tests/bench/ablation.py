"""What each part of `auto` adds: images left and work done with all parts and with one switched off.

    python -m tests.bench.ablation [--samples 200] [--budget 300] [--only NAME ...] [--parts PART ...] [--output FILE]

A row for each network, radius and part that takes part there, written at once: images that the deployed model gets right, how
many of them are left by `auto` and by `auto` without the part, gradients per image and seconds of processor time of both.
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

from bnnaudit.attacks.auto import run
from bnnaudit.attacks.table import run_attack
from bnnaudit.auditing.replay_check import replay
from bnnaudit.core.attack import Auto, Budget
from bnnaudit.core.auto_run import PhaseName
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat, parse_length
from tests.bench.ablation_networks import NETWORKS, network, sample
from tests.bench.strongest import Effort, cases, opened

PARTS = {
    "choice of climbs": PhaseName.CHOOSING,
    "input levels": PhaseName.LEVELS,
    "unit search": PhaseName.UNITS,
    "window search": PhaseName.WINDOWS,
    "hopeless images": PhaseName.FIRST,
}
"""The phases that are switched off, and by what a report of a run tells that they took part."""
RADII = {
    "digits-ref": ("0.05", "0.1", "l2 0.5"),
    "digits-bnn-wq": ("0.05", "0.1", "l2 0.5"),
    "digits-bnn-waq": ("0.03", "0.05", "l2 0.2"),
    "digits-ref-at": ("0.2", "0.3"),
    "mnist-tfc-2w2a": ("0.05", "0.1", "0.2", "l2 1"),
    "gtsrb-bnn": ("1/255", "2/255", "3/255", "8/255", "l2 0.1"),
}
HEAD = "| network | eps | clean | without | left with | left without | gradients | without | s | without |"


def subjects(samples: int) -> Iterator[tuple[str, Sequence[str], Target, Batch, Tensor]]:
    """Name, radii, network, images, and which of them it gets right."""
    for case in cases():
        yield case.name, RADII[case.name], *opened(case, samples)
    for name, spec in NETWORKS.items():
        target = network(name)
        yield name, spec.radii, target, *sample(target, name, samples)


def without(part: str) -> AbstractContextManager[object]:
    """Inside it `auto` lacks a part."""
    # Where margins were before is looked at once all the same.
    kept = {name: tuple(phase for phase in getattr(run, name) if phase.name != part) for name in ("ONCE", "REPEATED")}
    return mock.patch.multiple(run, **kept)


def measured(
    target: Target, images: Batch, clean: Tensor, threat: Threat, budget: str
) -> tuple[Effort, set[PhaseName]]:
    """`auto` on what is classified correctly, and what it was made of."""
    effort, rows = Effort(clean.clone()), clean.nonzero().squeeze(1)
    batch, started = images.select(rows), time.process_time()
    settings = Auto(budget=Budget.parse(budget))
    outcome = run_attack(settings, target, batch, threat, 0, batch)
    effort.seconds, effort.cost = time.process_time() - started, outcome.cost
    effort.standing[rows[replay(target, batch, threat, outcome).fooled]] = False
    return effort, {part.phase for part in outcome.parts}


def threat_of(radius: str, target: Target) -> Threat:
    """The threat that a radius stands for; L-inf unless it says otherwise."""
    norm, eps = radius.split() if " " in radius else (Norm.LINF, radius)
    return Threat(Norm(norm), parse_length(eps), target.facts.box)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--budget", default="300")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--output", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    say(HEAD, options.output)
    say("|---" * (HEAD.count("|") - 1) + "|", options.output)
    for name, radii, target, batch, clean in subjects(options.samples):
        if options.only and name not in options.only:
            continue
        for radius in radii:
            threat = threat_of(radius, target)
            # Whoever runs first in a process pays for what is made once.
            measured(target, batch, clean, threat, "5")
            whole, phases = measured(target, batch, clean, threat, options.budget)
            for part in options.parts:
                if PARTS[part] in phases:
                    with without(part):
                        lacking, _ = measured(target, batch, clean, threat, options.budget)
                    say(row([name, radius, str(int(clean.sum())), part], whole, lacking, clean), options.output)
    return 0


def row(start: list[str], whole: Effort, lacking: Effort, clean: Tensor) -> str:
    """One line of the table."""
    images, both = max(1, int(clean.sum())), (whole, lacking)
    cells = [*start, *(str(int(each.standing.sum())) for each in both)]
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
