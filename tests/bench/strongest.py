"""`auto` against the per-image best of the attacks that AutoAttack consists of, each run with several surrogates.

    python -m tests.bench.strongest [--samples 100] [--budget 300] [--only digits-bnn-waq ...]

A row for each model and radius: what APGD-CE, APGD-T (DLR), FAB-T and Square with 5,000 queries leave together, one after the
other on what still stands, through every surrogate; what `auto` leaves; processor seconds and gradient evaluations of both,
in one process and on the same images; every success replayed on the deployed model. Ends with 1 where `auto` leaves more.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bnnaudit.attacks.table import run_attack
from bnnaudit.auditing.open import open_model_and_data
from bnnaudit.auditing.replay_check import replay
from bnnaudit.auditing.verdict import estimate
from bnnaudit.config.card import parse_settings, settings_for
from bnnaudit.core.attack import AttackSettings, Auto, Budget, LossKind, Method, Pgd, settings_of
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat, parse_length

DATA = Path(os.environ.get("BNNAUDIT_BENCH_DATA", "../shared/data"))
SAMPLES = Path("sample_models")
SURROGATES = ("identity", "triangular", "tanh:2:reach")
"""The straight-through one, the best of fixed width, and the family that `auto` itself draws on."""
STANDARD: tuple[tuple[Method, dict[str, Any]], ...] = (
    (Method.APGD, {"steps": 100}),
    (Method.APGD, {"steps": 100, "loss": LossKind.DLR_TARGETED}),
    (Method.FAB, {"steps": 100, "loss": LossKind.DLR_TARGETED}),
    (Method.SQUARE, {"queries": 5000}),
)
"""AutoAttack's standard version: methods and their budgets."""


@dataclass(frozen=True, slots=True)
class Case:
    """A model, where its images are, and the radii to attack at."""

    name: str
    path: Path
    settings: dict[str, dict[str, object]]
    radii: tuple[str, ...]


@dataclass(slots=True)
class Effort:
    """What still stands (N,), and what it took."""

    standing: torch.Tensor
    seconds: float = 0.0
    cost: Cost = Cost()  # noqa: RUF009 - frozen


def cases() -> list[Case]:
    """The sample models, and the public ones where they are at hand."""
    digits = {"data": {"source": str(SAMPLES / "digits-test.npz")}}
    found = [
        Case(name, SAMPLES / f"{name}.onnx", digits, radii)
        for name, radii in (
            ("digits-ref", ("0.05", "0.2")),
            ("digits-bnn-wq", ("0.05", "0.2")),
            ("digits-bnn-waq", ("0.05", "0.2")),
            ("digits-ref-at", ("0.2",)),
        )
    ]
    mnist = {"data": {"source": "mnist", "root": str(DATA / "mnist")}}
    signs = {
        "data": {"source": str(DATA / "gtsrb_30x30_test2000.npz")},
        "preprocessing": {"input_range": [0, 255]},
    }
    public = [
        Case("mnist-tfc-2w2a", DATA / "mnist_tfc_2w2a_qonnx.onnx", mnist, ("0.05", "0.1", "0.2")),
        Case("gtsrb-bnn", DATA / "gtsrb_30x30_bnn.onnx", signs, ("8/255", "5/255", "3/255", "1/255")),
    ]
    return found + [case for case in public if case.path.exists()]


def opened(case: Case, samples: int) -> tuple[Target, Batch, torch.Tensor]:
    """The model, the sample, and which of its images the deployed model gets right (N,)."""
    settings = {**case.settings, "data": {**case.settings["data"], "samples": samples}}
    found = open_model_and_data(case.path, settings_for(case.path, parse_settings(settings, case.name), Path.cwd()))
    scores = found.target.deployed(found.sample.images)
    labels = scores.argmax(dim=1) if found.sample.labels is None else found.sample.labels
    return found.target, Batch(found.sample.images, labels, found.sample.ids), scores.argmax(dim=1) == labels


def run(
    effort: Effort, target: Target, sample: Batch, clean: torch.Tensor, threat: Threat, settings: AttackSettings
) -> None:
    """One attack on what still stands, its successes replayed."""
    rows = effort.standing.nonzero().squeeze(1)
    if len(rows) == 0:
        return
    batch = sample.select(rows)
    started = time.process_time()
    outcome = run_attack(settings, target, batch, threat, 0, sample.select(clean))
    fooled = replay(target, batch, threat, outcome).fooled
    effort.seconds += time.process_time() - started
    effort.cost += outcome.cost
    effort.standing[rows[fooled]] = False


def standard(target: Target) -> Iterable[AttackSettings]:
    """AutoAttack's attacks through every surrogate; Square follows no gradient and a float network has no steps."""
    surrogates = SURROGATES if target.facts.quantizers else SURROGATES[:1]
    for method, options in STANDARD:
        for surrogate in surrogates[:1] if method is Method.SQUARE else surrogates:
            yield settings_of(method, surrogate=Surrogate.parse(surrogate), **options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--budget", default="300")
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args(arguments)
    say("| model | eps | clean | best of AutoAttack's | auto | s | s auto | ratio | gradients an image | of auto |")
    say("|---|---|---|---|---|---|---|---|---|---|")
    worse = False
    for case in cases():
        if options.only and case.name not in options.only:
            continue
        target, sample, clean = opened(case, options.samples)
        for radius in case.radii:
            threat = Threat(Norm.LINF, parse_length(radius), target.facts.box)
            # Whoever runs first in a process pays for what is made once.
            run(Effort(clean.clone()), target, sample, clean, threat, Pgd(steps=1))
            auto, peers = Effort(clean.clone()), Effort(clean.clone())
            run(auto, target, sample, clean, threat, Auto(budget=Budget.parse(options.budget)))
            for settings in standard(target):
                run(peers, target, sample, clean, threat, settings)
            worse |= int(auto.standing.sum()) > int(peers.standing.sum())
            say(row(case.name, radius, clean, peers, auto))
    return int(worse)


def say(line: str) -> None:
    """A line of the table at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def row(name: str, radius: str, clean: torch.Tensor, peers: Effort, auto: Effort) -> str:
    """One line of the table."""
    images = max(1, int(clean.sum()))
    cells = [
        name,
        radius,
        f"{100 * clean.float().mean():.1f} %",
        left(peers),
        left(auto),
        f"{peers.seconds:.1f}",
        f"{auto.seconds:.1f}",
        f"{auto.seconds / max(peers.seconds, 1e-9):.2f}",
        f"{peers.cost.backwards / images:.0f}",
        f"{auto.cost.backwards / images:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def left(effort: Effort) -> str:
    """The accuracy left with its interval."""
    found = estimate(int(effort.standing.sum()), len(effort.standing))
    return f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"


if __name__ == "__main__":
    sys.exit(main())
