"""What `auto` leaves standing, put before every other method of the tool: does any of them break it?

    python -m tests.bench.union MODEL EPS [--samples 200] [--budget 1000]

MODEL is a name of `strongest`. A line for each attack that breaks some of the images that `auto` left, each alone on all of
them; then how many stand after all together, every success replayed on the deployed model. Where none breaks any, `auto`
leaves no more than the union of all others does, since the union can only do worse on what `auto` broke. Ends with 1 otherwise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bnnaudit.core.attack import (
    Apgd,
    AttackSettings,
    Auto,
    Beta,
    BetaRule,
    Budget,
    DeepFool,
    ErrorSignal,
    Fab,
    Fgsm,
    LossKind,
    Pgd,
    RandomSearch,
    Square,
)
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.threat import Norm, Threat, parse_length
from tests.bench.strongest import Effort, cases, opened, run, say

SURROGATES = ("tanh:2:reach", "tanh:4..0.5:reach", "triangular", "identity", "clipped")
BETAS = ("none", "0.1", "0.01", "njs", "hns", "hns-logit", "tracked")


def others() -> Iterator[tuple[str, AttackSettings]]:
    """Every method but `auto` that needs no other network or library, with temperatures, losses and surrogates."""
    yield "square", Square(queries=5000)
    yield "random", RandomSearch(queries=5000)
    for text in SURROGATES:
        surrogate = Surrogate.parse(text)
        for name in BETAS:
            beta = Beta.parse(name)
            yield f"fgsm {name} {text}", Fgsm(beta=beta, surrogate=surrogate)
            yield f"pgd {name} {text}", Pgd(beta=beta, surrogate=surrogate)
        long = Pgd(steps=50, restarts=5, surrogate=surrogate, error_signal=ErrorSignal.EXACT)
        for beta in (Beta(BetaRule.FIXED, 0.1), Beta(BetaRule.TRACKED)):
            yield f"pgd {beta} {text}, 5 times 50", replace(long, beta=beta)
        for loss in LossKind:
            yield f"apgd {loss} {text}", Apgd(steps=100, loss=loss, surrogate=surrogate)
        yield f"deepfool {text}", DeepFool(steps=50, surrogate=surrogate)
        for loss in (LossKind.CROSS_ENTROPY, LossKind.DLR_TARGETED):
            yield f"fab {loss} {text}", Fab(steps=100, loss=loss, surrogate=surrogate)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what breaks what `auto` left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=[case.name for case in cases()])
    parser.add_argument("eps")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--budget", default="1000")
    options = parser.parse_args(arguments)
    case = next(case for case in cases() if case.name == options.model)
    target, sample, clean = opened(case, options.samples)
    threat = Threat(Norm.LINF, parse_length(options.eps), target.facts.box)
    auto = Effort(clean.clone())
    run(auto, target, sample, clean, threat, Auto(budget=Budget.parse(options.budget)))
    say(f"of {int(clean.sum())} images auto leaves {int(auto.standing.sum())} in {auto.seconds:.1f} s")
    union = auto.standing.clone()
    for name, settings in others():
        alone = Effort(auto.standing.clone())
        run(alone, target, sample, clean, threat, settings)
        broken = (auto.standing & ~alone.standing).nonzero().squeeze(1).tolist()
        if broken:
            say(f"{name}: breaks {broken} in {alone.seconds:.1f} s")
        union &= alone.standing
    say(f"of these stand after all others together: {int(union.sum())}")
    return int(bool((union != auto.standing).any()))


if __name__ == "__main__":
    sys.exit(main())
