"""Figure 2 of [G22]: images of MNIST flipped in a 5 x 100 binary network against eps, by PGD, PGD++ (NJS) and IPROP.

    python -m tests.bench.figure2 [--samples 100] [--iprop-steps 20] [--seed 0]

The network is trained first where it is not cached (a few minutes). Counted are images that are classified correctly and
whose adversarial image replays on the ONNX file. PGD++ (NJS) goes through a narrow triangular surrogate, 10 restarts of 100
steps, about a twentieth of IPROP's time; with the paper's straight-through gradient and 20 steps it is a column of its
own. Exit code 1 where PGD++ (NJS) flips fewer than IPROP at any eps.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

import click
import torch

from bnnaudit.attacks import run_attack
from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Method
from bnnaudit.core.batch import Batch
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from tests.bench.small_bnns import MODELS, correct_batch, small_bnn

NAME = "mnist-5x100"


def main() -> int:
    """Attack, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--iprop-steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    target = small_bnn(NAME)
    batch = correct_batch(target, NAME, options.samples, options.seed)
    attacks = attacks_of(options.iprop_steps)
    click.echo(f"{NAME}: {len(batch)} of {options.samples} test images are classified correctly; flipped of these:")
    click.echo("  ".join(["   eps", *(f"{name:>22}" for name in attacks)]))
    behind = False
    for eps in MODELS[NAME].radii:
        counts = {name: flipped(settings, target, batch, eps, options.seed) for name, settings in attacks.items()}
        click.echo("  ".join([f"{eps:6g}", *(f"{count:22d}" for count in counts.values())]))
        behind |= counts["PGD++ (NJS)"] < counts["IPROP"]
    click.echo(f"PGD++ (NJS) flips at least as many as IPROP at every eps: {'no' if behind else 'yes'}")
    return int(behind)


def attacks_of(iprop_steps: int) -> Mapping[str, AttackSettings]:
    """The paper's attacks, as it ran them (20 steps, straight-through), and PGD++ (NJS) as strong as this tool has it."""
    njs = Beta(BetaRule.NJS)
    narrow = Surrogate.parse("triangular:0.1")
    return {
        "PGD": AttackSettings(),
        "PGD++ (NJS) identity": AttackSettings(beta=njs),
        "PGD++ (NJS)": AttackSettings(steps=100, restarts=10, beta=njs, surrogate=narrow),
        "IPROP": AttackSettings(method=Method.IPROP, steps=iprop_steps),
    }


def flipped(settings: AttackSettings, target: Target, batch: Batch, eps: float, seed: int) -> int:
    """Images whose adversarial image the deployed model gets wrong."""
    outcome = run_attack(settings, target, batch, Threat(Norm.LINF, eps), seed)
    return int((outcome.fooled & (target.deployed(outcome.images).argmax(dim=1) != batch.labels)).sum())


if __name__ == "__main__":
    sys.exit(main())
