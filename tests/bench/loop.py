"""What the attack loop costs over the passes that it consists of, and against other libraries.

    python -m tests.bench.loop [--rounds 7] [--images 32] [--device cpu] [--only resnet18 ...]

The baseline is a bare loop of the same number of forward and backward passes through the same network, without steps,
projections or verdicts. Peers (foolbox, torchattacks and ART, where they are installed) run the same PGD-20 on the same images
through the network as it was before it was speed_up, its weights frozen; so does a second bare loop. Wall-clock seconds
(the processor's with one thread), medians of ratios over interleaved rounds.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import ErrorSignal, Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.models.speed import speed_up
from tests.bench.small_networks import resnet18
from tests.bench.strongest import DATA, SAMPLES
from tests.bench.timing import Figure, median_ratios, table
from tests.toy import batch_of, target_of

STEPS = 20
AS_IT_WAS, RESTING = "bare loop of the network as it was", "PGD-20 whose images rest without an error signal"
FIRST, SHARE = 5, 0.9
"""Steps in which so large a share of the images falls, where images leave."""


@dataclass(frozen=True, slots=True)
class Case:
    """A network as it was and as it is attacked, with images of [0,1] x the box that it gets right."""

    name: str
    plain: Target
    quick: Target
    batch: Batch
    threat: Threat


def cases(images: int, device: str, only: Sequence[str] | None) -> Iterator[Case]:
    """The networks that are at hand."""
    makers: dict[str, Callable[[], Case | None]] = {
        "resnet18": lambda: _resnet(images, device),
        "gtsrb": lambda: _imported(
            "gtsrb", DATA / "gtsrb_30x30_bnn.onnx", DATA / "gtsrb_30x30_test2000.npz", 4 * images, 255.0, 3 / 255
        ),
        "digits-bnn-waq": lambda: _imported(
            "digits-bnn-waq", SAMPLES / "digits-bnn-waq.onnx", SAMPLES / "digits-test.npz", 8 * images, 1.0, 0.05
        ),
    }
    for name, make in makers.items():
        case = make() if not only or name in only else None
        if case is not None:
            yield case


def _resnet(images: int, device: str) -> Case:
    network = resnet18(64 if device == "cuda" else 32, 10, folded=False).requires_grad_(False)
    pixels = torch.rand(images, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    place = torch.device(device)
    quick = replace(target_of(speed_up(network, pixels, False, place).to(place), (3, 32, 32), 10), device=place)
    plain = replace(quick, network=network.to(place))
    return Case("resnet18", plain, quick, batch_of(quick, pixels).to(place), Threat(Norm.LINF, 8 / 255))


def _imported(name: str, path: Path, data: Path, images: int, high: float, eps: float) -> Case | None:
    if not path.exists() or not data.exists():
        return None
    preprocessing = Preprocessing(box=Box(0.0, high))
    quick = load_onnx(path, preprocessing, Surrogate(), torch.device("cpu"))
    plain = replace(
        quick, network=_contiguous(load_onnx(path, preprocessing, Surrogate(), torch.device("cpu")).network)
    )
    with np.load(data) as arrays:
        pixels, labels = torch.from_numpy(arrays["x"]).float(), torch.from_numpy(arrays["y"]).long()
    if pixels.shape[-1] == 3:
        pixels = pixels.permute(0, 3, 1, 2).contiguous()
    pixels = pixels / pixels.max() * high
    batch = Batch(pixels, labels, torch.arange(len(labels))).select(slice(0, 2 * images))
    right = (quick.deployed(batch.images).argmax(dim=1) == batch.labels).nonzero().squeeze(1)[:images]
    return Case(name, plain, quick, batch.select(right), Threat(Norm.LINF, eps, preprocessing.box))


def _contiguous(network: nn.Module) -> nn.Module:
    for weight in network.parameters():
        weight.data = weight.data.contiguous()
    return network


def bare(target: Target, batch: Batch) -> Callable[[], None]:
    """STEPS forward and backward passes, and the forward pass of the last verdict."""
    signal = torch.ones(len(batch), target.facts.num_classes, device=batch.images.device)

    def run() -> None:
        for _ in range(STEPS):
            points = batch.images.detach().requires_grad_()
            torch.autograd.grad(target.logits(points), points, signal)
        with torch.no_grad():
            target.logits(batch.images)

    return run


def ours(case: Case, batch: Batch, stop: bool, signal: ErrorSignal) -> Callable[[], object]:
    """PGD as `bnnaudit attack` runs it; through an exact error signal every image moves at every step."""
    settings = Pgd(steps=STEPS, stop_at_success=stop, error_signal=signal)
    return lambda: run_attack(settings, case.quick, batch, case.threat, seed=0)


def peers(case: Case) -> Mapping[str, Callable[[], object]]:
    """PGD as the other libraries run it, from images of [0,1]."""
    box, prepare, network = case.threat.box, case.plain.prepare, case.plain.network

    class Unit(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.network(prepare(images * box.width + box.low))
            return result

    model = Unit().eval()
    images, labels = (case.batch.images - box.low) / box.width, case.batch.labels
    makers = {"foolbox": _foolbox, "torchattacks": _torchattacks, "art": _art}
    return {
        name: make(model, images, labels, case.threat.eps)
        for name, make in makers.items()
        if importlib.util.find_spec(name)
    }


def _foolbox(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, eps: float) -> Callable[[], object]:
    import foolbox

    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=images.device)
    attack = foolbox.attacks.LinfPGD(abs_stepsize=eps / 4, steps=STEPS, random_start=True)
    return lambda: attack(wrapped, images, labels, epsilons=eps)


def _torchattacks(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, eps: float) -> Callable[[], object]:
    import torchattacks

    attack = torchattacks.PGD(model, eps=eps, alpha=eps / 4, steps=STEPS, random_start=True)
    return lambda: attack(images, labels)


def _art(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, eps: float) -> Callable[[], object]:
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    with torch.no_grad():
        classes = model(images[:1]).shape[1]
    wrapped = PyTorchClassifier(
        model,
        nn.CrossEntropyLoss(),
        tuple(images.shape[1:]),
        classes,
        clip_values=(0.0, 1.0),
        device_type="gpu" if images.is_cuda else "cpu",
    )
    attack = ProjectedGradientDescentPyTorch(
        wrapped,
        norm=np.inf,
        eps=eps,
        eps_step=eps / 4,
        max_iter=STEPS,
        num_random_init=1,
        batch_size=len(images),
        verbose=False,
    )
    arrays = images.cpu().numpy(), labels.cpu().numpy()
    return lambda: attack.generate(*arrays)


def falling(case: Case, count: int) -> Batch | None:
    """`count` images of which SHARE fall in the first FIRST steps and the rest stand; None where the case has no such images.

    They are repeated as needed, under their own ids and so with their own paths.
    """
    settings = Pgd(steps=STEPS, error_signal=ErrorSignal.EXACT)
    outcome = run_attack(settings, case.quick, case.batch, case.threat, seed=0)
    early = (outcome.fooled & (outcome.fooled_at <= FIRST) & (outcome.fooled_at > 0)).nonzero().squeeze(1)
    never = (~outcome.fooled).nonzero().squeeze(1)
    if len(early) == 0 or len(never) == 0:
        return None
    wanted = round(count * SHARE)
    rows = [early[index % len(early)] for index in range(wanted)]
    rows += [never[index % len(never)] for index in range(count - wanted)]
    return case.batch.select(torch.stack(rows))


def figures_of(case: Case, rounds: int, device: str) -> list[Figure]:
    """The loop over the bare one, and over the peers; leaving, where the case has images for it."""
    others = {
        "ours": ours(case, case.batch, False, ErrorSignal.EXACT),
        RESTING: ours(case, case.batch, False, ErrorSignal.PLAIN),
        AS_IT_WAS: bare(case.plain, case.batch),
        **peers(case),
    }
    ratios = median_ratios(bare(case.quick, case.batch), others, rounds, device)
    named = f"{case.name}, {len(case.batch)} images: "
    found = [Figure(f"{named}PGD-{STEPS} / bare loop", ratios["ours"], 1.03)]
    known = [name for name in ratios if name not in ("ours", RESTING, AS_IT_WAS)]
    if known:
        found.append(Figure(f"{named}PGD-{STEPS} / fastest peer", ratios["ours"] / min(ratios[n] for n in known), 1.0))
    found += [Figure(f"{named}{name} / bare loop", ratios[name]) for name in (*known, AS_IT_WAS, RESTING)]
    batch = falling(case, len(case.batch))
    if batch is not None:
        leaving = median_ratios(
            bare(case.quick, batch), {"ours": ours(case, batch, True, ErrorSignal.EXACT)}, rounds, device
        )
        found.append(Figure(f"{named}{SHARE:.0%} fall in the first {FIRST} steps", leaving["ours"], 0.45))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; 1 where a figure is not as asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", nargs="*")
    given = parser.parse_args(arguments)
    figures = measured(given.images, given.rounds, given.device, given.only)
    sys.stdout.write(table(figures))
    return 0 if all(figure.met for figure in figures) else 1


def measured(images: int, rounds: int, device: str, only: Sequence[str] | None = None) -> list[Figure]:
    """All figures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [figure for case in cases(images, device, only) for figure in figures_of(case, rounds, device)]


if __name__ == "__main__":
    sys.exit(main())
