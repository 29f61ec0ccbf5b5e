"""The exact robust accuracy of small networks of signs beside what attacks leave.

    python -m tests.bench.truth [NAME ...] [--samples 100] [--seconds 60] [--seed 0]

For each network of `small_bnns` and each of three eps (L-inf): clean accuracy, exact robust accuracy, and the accuracy that
each attack leaves after replay on the ONNX file, in %. What an attack breaks is broken; only for images that stand after
all of them a proof is sought (`exact`), for at most `--seconds` each. The true accuracy is between `robust`, the images
proven so, and that plus the undecided ones: LO..HI where there are any. Exit code 1 where `auto` leaves more than a point
above HI.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping

import torch
import typer

from bnnaudit.attacks.table import METHODS, run_attack
from bnnaudit.core.attack import AttackSettings, Auto, Beta, BetaRule, Iprop, Method, Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from tests.bench.exact import Answer, verify
from tests.bench.small_bnns import MODELS, correct_batch, small_bnn

NAMES = [name for name, model in MODELS.items() if len(model.hidden) <= 2]
WITHIN = 1.0
"""How far, in points, `auto` may be from the truth."""


def main() -> int:
    """Attack, prove, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    attacks = attacks_of()
    if Method.AUTO not in METHODS:
        typer.echo("auto is no method of this tool yet: no column, and nothing to judge")
    typer.echo("  ".join([f"{'network':16}", "  eps", "clean", f"{'exact':>10}", *(f"{name:>10}" for name in attacks)]))
    far = False
    for name in options.names:
        target = small_bnn(name)
        batch = correct_batch(target, name, options.samples, options.seed)
        for eps in MODELS[name].radii:
            standing = {
                attack: stands(settings, target, batch, Threat(Norm.LINF, eps), options.seed)
                for attack, settings in attacks.items()
            }
            low, high, slowest = truth(target, batch, Threat(Norm.LINF, eps), standing, options.seconds)
            points = 100 / options.samples
            exact = f"{low * points:.0f}" if low == high else f"{low * points:.0f}..{high * points:.0f}"
            left = {attack: float(rows.sum()) * points for attack, rows in standing.items()}
            cells = [f"{name:16}", f"{eps:5g}", f"{len(batch) * points:5.0f}", f"{exact:>10}"]
            typer.echo("  ".join([*cells, *(f"{value:10.0f}" for value in left.values()), f"   {slowest:.1f} s"]))
            far |= left.get("auto", 0.0) > high * points + WITHIN
    return int(far)


def attacks_of() -> Mapping[str, AttackSettings]:
    """The attacks beside the truth, by the heads of their columns."""
    adaptive = Surrogate.parse("adaptive")
    attacks = {
        "pgd": Pgd(),
        "njs": Pgd(beta=Beta(BetaRule.NJS)),
        "tracked": Pgd(beta=Beta(BetaRule.TRACKED), surrogate=adaptive, restarts=5),
        "iprop": Iprop(),
    }
    if Method.AUTO in METHODS:
        attacks["auto"] = Auto()
    return attacks


def stands(settings: AttackSettings, target: Target, batch: Batch, threat: Threat, seed: int) -> torch.Tensor:
    """Which images (N,) bool the deployed model still gets right after an attack."""
    outcome = run_attack(settings, target, batch, threat, seed)
    return ~(outcome.fooled & (target.deployed(outcome.images).argmax(dim=1) != batch.labels))


def truth(
    target: Target, batch: Batch, threat: Threat, standing: Mapping[str, torch.Tensor], seconds: float
) -> tuple[int, int, float]:
    """The images proven robust, these and the undecided ones, and the seconds that the slowest proof took."""
    left = batch.select(torch.stack(list(standing.values())).all(dim=0))
    started = time.perf_counter()
    proofs = verify(target, left, threat, seconds)
    robust = sum(proof.answer is Answer.ROBUST for proof in proofs)
    undecided = sum(proof.answer is Answer.UNDECIDED for proof in proofs)
    slowest = max((proof.seconds for proof in proofs), default=time.perf_counter() - started)
    return robust, robust + undecided, slowest


if __name__ == "__main__":
    sys.exit(main())
