"""Search among input levels beside gradient attacks and the exact truth: `python -m tests.bench.input_levels`.

The networks: binary MLPs with 1-bit input, trained on MNIST on the spot (kept in the temporary folder), and the 2-bit QONNX
network of the shared data. Columns: adversarial accuracy on the images; passes (forward and backward) an image that was
classified correctly; seconds. `truth` goes through all that images can show the network where these are at most `--exhaust`,
and says how many of such images are robust, and how many each search left standing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import typer
from torch import Tensor, nn

from bnnaudit.attacks.auto.levels.input_levels import InputLevels, find_input_levels
from bnnaudit.attacks.auto.levels.reach import Reach, within_reach
from bnnaudit.attacks.auto.levels.search import search_levels
from bnnaudit.attacks.context import prepared
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.data import open_source, take_sample
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.quantization.layers import BinaryLinear, clip_latent_weights
from bnnaudit.quantization.quantizers import BinarySign
from tests.paths import SHARED
from tests.toy import target_of

SHARED_DATA = SHARED / "data"
MLPS = {"mlp-64": (64,), "mlp-128-128": (128, 128)}
QONNX = "tfc-2w2a"
SMOOTH = ("tanh:0.5", "triangular", "triangular:1")


def trained(hidden: tuple[int, ...]) -> nn.Module:
    """A binary MLP behind a 1-bit input, six epochs of MNIST."""
    layers: list[nn.Module] = [nn.Flatten(), BinarySign(0.5)]
    width = 784
    for size in hidden:
        layers += [BinaryLinear(width, size), nn.BatchNorm1d(size), BinarySign(surrogate=Surrogate.parse("clipped"))]
        width = size
    torch.manual_seed(0)
    network = nn.Sequential(*layers, BinaryLinear(width, 10), nn.BatchNorm1d(10))
    kept = Path(tempfile.gettempdir()) / f"bnnaudit-input-levels-{'-'.join(map(str, hidden))}.pt"
    if kept.exists():
        network.load_state_dict(torch.load(kept, weights_only=True))
        return network
    from torchvision.datasets import MNIST

    data = MNIST(str(SHARED_DATA / "mnist"), train=True)
    images, labels, epochs = data.data[:, None].float() / 255, data.targets, 6
    optimizer = torch.optim.Adam(network.parameters())
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1 - epoch / epochs)
        for ids in torch.split(torch.randperm(len(labels)), 256):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images[ids]) / 4, labels[ids]).backward()
            optimizer.step()
            clip_latent_weights(network)
    torch.save(network.state_dict(), kept)
    return network


def opened(name: str) -> Target:
    """The network of this name."""
    if name == QONNX:
        path = SHARED_DATA / "mnist_tfc_2w2a_qonnx.onnx"
        return load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))
    return target_of(trained(MLPS[name]), (1, 28, 28), 10)


def gradient_attacks() -> Iterator[tuple[str, list[AttackSettings]]]:
    """Names, and the settings of which each image gets the worst."""
    yield "PGD-20 identity", [Pgd()]
    plus = [
        Pgd(beta=Beta(rule), surrogate=Surrogate.parse(text))
        for rule in (BetaRule.TRACKED, BetaRule.HNS)
        for text in ("identity", *SMOOTH)
    ]
    yield "PGD++ best of 8", plus


def brute_force(target: Target, batch: Batch, reach: Reach, most: int) -> tuple[Tensor, Tensor]:
    """Which images have at most `most` combinations, and which of these some combination fools (N,) bool each."""
    small = reach.combinations() <= most
    fooled = torch.zeros_like(small)
    for row in small.nonzero().squeeze(1).tolist():
        used = reach.counts[row] > 1
        choices = [
            values[:count] for values, count in zip(reach.values[row][used], reach.counts[row][used], strict=True)
        ]
        grid = torch.cartesian_prod(*choices).view(-1, len(choices)) if choices else torch.zeros(1, 0)
        for part in torch.split(grid, 4096):
            images = batch.images[row].flatten().repeat(len(part), 1)
            images[:, reach.pixels[row][used]] = part
            with torch.no_grad():
                classes = target.logits(images.view(-1, *batch.images.shape[1:])).argmax(dim=1)
            if bool((classes != batch.labels[row]).any()):
                fooled[row] = True
                break
    return small, fooled


def table(name: str, samples: int, budgets: list[int], radii: list[float], most: int) -> None:
    """Prints the rows of one network."""
    target = opened(name)
    sample = take_sample(open_source("mnist", SHARED_DATA / "mnist"), target.facts, samples, 0)
    assert sample.labels is not None
    everything = Batch(sample.images, sample.labels, sample.ids)
    with torch.no_grad():
        batch = everything.select(target.logits(everything.images).argmax(dim=1) == everything.labels)
    levels = find_input_levels(target, batch.images, target.facts.box)
    assert levels is not None
    count = levels.starts.shape[1]
    typer.echo(f"\n{name}: {samples} images, clean {100 * len(batch) / samples:.1f} %, {count} levels a pixel")
    for eps in radii:
        threat = Threat(Norm.LINF, eps, target.facts.box)
        reach = within_reach(levels, batch.images, threat)
        small, fooled = brute_force(target, batch, reach, most)
        robust = int((small & ~fooled).sum())
        median = int((reach.counts > 1).sum(dim=1).median())
        typer.echo(
            f"eps {eps:g}: median {median} pixels with a choice; truth: {robust} of {int(small.sum())} small images robust"
        )
        for label, outcome, seconds in runs(target, levels, batch, threat, budgets):
            standing = ~outcome.fooled
            passes = (outcome.cost.forwards + outcome.cost.backwards) / len(batch)
            left, of_small = 100 * int(standing.sum()) / samples, int((standing & small).sum())
            typer.echo(
                f"  {label:20} {left:5.1f} %  {of_small:4} small ones stand  {passes:7.0f} passes  {seconds:6.1f} s"
            )


def runs(
    target: Target, levels: InputLevels, batch: Batch, threat: Threat, budgets: list[int]
) -> Iterator[tuple[str, Outcome, float]]:
    """Each attack's label, outcome and seconds."""
    for label, settings in gradient_attacks():
        started = time.perf_counter()
        parts = [run_attack(each, target, batch, threat, 0) for each in settings]
        fooled = torch.stack([part.fooled for part in parts]).any(dim=0)
        first = parts[0]
        cost = sum((part.cost for part in parts[1:]), first.cost)
        joined = Outcome(first.images, fooled, first.fooled_at, first.margins, first.betas, cost)
        yield label, joined, time.perf_counter() - started
    context = prepared(Pgd(), target, threat, batch, 0, 256, lambda _: None)
    for budget in budgets:
        started = time.perf_counter()
        found, _ = search_levels(context, levels, batch, budget)
        yield f"levels, {budget} passes", found, time.perf_counter() - started


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", choices=[*MLPS, QONNX], default=[*MLPS, QONNX])
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--budgets", type=int, nargs="+", default=[50, 200, 1000])
    parser.add_argument("--eps", type=float, nargs="+", default=[0.05, 0.1, 0.2])
    parser.add_argument("--exhaust", type=int, default=65_536)
    options = parser.parse_args()
    for name in options.networks:
        table(name, options.samples, options.budgets, options.eps, options.exhaust)


if __name__ == "__main__":
    main()
