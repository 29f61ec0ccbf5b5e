"""Figure 2 of [Gupta & Ajanthan 2022]: MNIST images flipped in a 5 x 100 binary network against eps, by PGD, PGD++ (NJS), IPROP.

    python -m tests.bench.figure2 [--samples 100] [--iprop-steps 20] [--calibration 30] [--seed 0]

The network is trained first where it is not cached (a few minutes). Counted are test images that are classified correctly
and whose adversarial image replays on the ONNX file. PGD++ (NJS) has 10 restarts of 100 steps with momentum that shrink to
a tenth, through the surrogate that, at this eps, flips most of the first images of the training set in one such climb
(of equals, the one with the smallest margins); the temperature is NJS throughout. With the paper's straight-through
gradient and 20 steps it is a column of its own. IPROP keeps its 20 steps. CPU seconds stand beside each count, those of the
choice in a column of their own. Exit code 1 where PGD++ (NJS) flips fewer than IPROP at any eps.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
import typer

from bnnaudit.attacks.auto.candidates import SURROGATES
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Iprop, Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from tests.bench.small_bnns import MODELS, correct_batch, small_bnn, training_batch

NAME = "mnist-5x100"
NJS = Beta(BetaRule.NJS)
IDENTITY, CHOSEN, IPROP = "PGD++ (NJS) identity", "PGD++ (NJS)", "IPROP"


@dataclass(frozen=True, slots=True)
class Count:
    """Images flipped and the CPU seconds that it took; margin: the mean of those left."""

    flipped: int
    margin: float
    seconds: float


def main() -> int:
    """Attack, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--iprop-steps", type=int, default=20)
    parser.add_argument("--calibration", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    target = small_bnn(NAME)
    batch = correct_batch(target, NAME, options.samples, options.seed)
    others = training_batch(target, NAME, options.calibration)
    typer.echo(f"{NAME}: {len(batch)} of {options.samples} test images are classified correctly; flipped of these:")
    typer.echo(
        "  ".join(["   eps", f"{'surrogate chosen':>28}", *(f"{name:>20}" for name in ("PGD", IDENTITY))]), nl=False
    )
    typer.echo("  ".join(["", *(f"{name:>14}" for name in (CHOSEN, IPROP))]))
    behind = False
    for eps in MODELS[NAME].radii:
        counts = {}
        started = time.process_time()
        surrogate = chosen(target, others, eps, options.seed)
        typer.echo(f"{eps:6g}  {surrogate!s:>20} {time.process_time() - started:5.0f} s", nl=False)
        for name, settings in attacks_of(surrogate, eps, options.iprop_steps).items():
            counts[name] = attacked(settings, target, batch, eps, options.seed)
            width = 14 if name in (CHOSEN, IPROP) else 20
            typer.echo(f"  {counts[name].flipped:{width - 8}d} {counts[name].seconds:5.0f} s", nl=False)
        typer.echo()
        behind |= counts[CHOSEN].flipped < counts[IPROP].flipped
    typer.echo(f"PGD++ (NJS) flips at least as many as IPROP at every eps: {'no' if behind else 'yes'}")
    return int(behind)


def attacks_of(surrogate: Surrogate, eps: float, iprop_steps: int) -> Mapping[str, AttackSettings]:
    """The paper's attacks, as it ran them (20 steps, straight-through), and PGD++ (NJS) as strong as this tool has it."""
    return {
        "PGD": Pgd(),
        IDENTITY: Pgd(beta=NJS),
        CHOSEN: replace(climb(surrogate, eps), restarts=10),
        IPROP: Iprop(steps=iprop_steps),
    }


def climb(surrogate: Surrogate, eps: float) -> AttackSettings:
    """PGD++ (NJS) through this surrogate: from steps of the radius to a tenth of it, with momentum."""
    return Pgd(beta=NJS, surrogate=surrogate, steps=100, step_size=eps, final_step=0.1, momentum=0.75)


def chosen(target: Target, others: Batch, eps: float, seed: int) -> Surrogate:
    """The surrogate under which one climb flips most of `others`, images that are not counted."""

    def worth(surrogate: Surrogate) -> tuple[int, float]:
        count = attacked(climb(surrogate, eps), target, others, eps, seed)
        return count.flipped, -count.margin

    return max(SURROGATES, key=worth)


def attacked(settings: AttackSettings, target: Target, batch: Batch, eps: float, seed: int) -> Count:
    """What an attack flips by the deployed model's word, and how near the others are."""
    started = time.process_time()
    outcome = run_attack(settings, target, batch, Threat(Norm.LINF, eps), seed)
    flipped = outcome.fooled & (target.deployed(outcome.images).argmax(dim=1) != batch.labels)
    seconds = time.process_time() - started
    return Count(
        int(flipped.sum()), float(outcome.margins[~flipped].mean()) if bool((~flipped).any()) else 0.0, seconds
    )


if __name__ == "__main__":
    sys.exit(main())
