"""Target propagation against brute force over the images that matter, and against what every attack promises."""

import builtins
from typing import Any

import pytest
import torch

from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import Iprop
from bnnaudit.core.batch import Batch
from bnnaudit.core.errors import UsageError
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from tests.toy import BYTES, batch_of, binary_network, images_of, linear_target, two_pixel_target


def is_breakable(target: Target, batch: Batch, threat: Threat, values: int) -> torch.Tensor:
    """Whether some image of a grid over each ball, `values` for each pixel, is classified otherwise (N,): exhaustive."""
    axis, size = torch.linspace(-1, 1, values), batch.images[0].numel()
    shifts = torch.cartesian_prod(*[axis] * size).view(-1, *batch.images.shape[1:]) * threat.radius
    broken = []
    for image, label in zip(batch.images, batch.labels, strict=True):
        points = (image + shifts).clamp(threat.box.low, threat.box.high)
        broken.append((target.logits(points).argmax(dim=1) != label).any())
    return torch.stack(broken)


@pytest.mark.parametrize(
    ("sizes", "eps", "values", "share"), [([3, 8, 3], 0.15, 81, 0.9), ([9, 12, 8, 3], 0.06, 3, 0.6)]
)
def test_it_breaks_what_an_exhaustive_search_breaks(sizes: list[int], eps: float, values: int, share: float) -> None:
    target = binary_network(sizes, seed=0)
    batch, threat = images_of(target, 16, seed=0), Threat(Norm.LINF, eps, BYTES)
    outcome = run_attack(Iprop(steps=8, restarts=2), target, batch, threat, seed=0)
    truth = is_breakable(target, batch, threat, values)
    assert 4 <= truth.sum() < len(batch)
    # Neither holds the other: the grid misses thin regions, the attack is a heuristic, the more so layer after layer.
    assert (outcome.fooled & truth).sum() >= share * truth.sum()


def test_it_flips_the_pixel_that_hand_calculation_says() -> None:
    """The class changes once either pixel falls below 0.5; 0.6 and 0.65 are within 0.16 of it, 0.8 is not."""
    target = two_pixel_target(0.5)
    batch = batch_of(target, torch.tensor([[0.60, 0.90], [0.70, 0.65], [0.80, 0.80]]))
    outcome = run_attack(Iprop(steps=1), target, batch, Threat(Norm.LINF, 0.16), seed=0)
    assert outcome.fooled.tolist() == [True, True, False]
    assert outcome.images[0, 0] < 0.5 - 5e-4
    assert outcome.images[1, 1] < 0.5 - 5e-4


@pytest.mark.parametrize("hidden", [[12], [12, 10]])
def test_contract(hidden: list[int]) -> None:
    target = binary_network([27, *hidden, 3], seed=5)
    batch, threat = images_of(target, 12, seed=5), Threat(Norm.LINF, 0.08, BYTES)
    settings = Iprop(steps=4, restarts=2)
    before, progress = batch.images.clone(), []
    weights = [parameter.clone() for parameter in target.network.parameters()]
    outcome = run_attack(settings, target, batch, threat, seed=1, on_progress=progress.append)
    assert 0 < outcome.fooled.sum() < len(batch)
    assert sum(progress) == settings.image_steps * len(batch)
    # In ball and box.
    assert ((outcome.images - batch.images).abs() <= threat.radius * (1 + 1e-5)).all()
    assert outcome.images.min() >= 0
    assert outcome.images.max() <= 255
    # What it claims is so, as deployed as well.
    logits = target.logits(outcome.images)
    assert torch.equal(logits.argmax(1) != batch.labels, outcome.fooled)
    assert torch.equal(target.deployed(outcome.images).argmax(1) != batch.labels, outcome.fooled)
    assert torch.equal(outcome.fooled, outcome.fooled_at >= 0)
    # Target and batch untouched.
    assert torch.equal(batch.images, before)
    assert all(torch.equal(a, b) for a, b in zip(weights, target.network.parameters(), strict=True))
    # Repeats under its seed, and no image depends on the others.
    again = run_attack(settings, target, batch, threat, seed=1)
    assert torch.equal(again.images, outcome.images)
    part = run_attack(settings, target, batch.select(slice(5, 9)), threat, seed=1)
    assert torch.equal(part.images, outcome.images[5:9])
    # A radius of zero changes nothing.
    still = run_attack(settings, target, batch, Threat(Norm.LINF, 0.0, BYTES), seed=1)
    assert torch.equal(still.images, batch.images)
    assert not still.fooled.any()


def test_restarts_only_add() -> None:
    target = binary_network([16, 12, 3], seed=2)
    batch, threat = images_of(target, 16, seed=2), Threat(Norm.LINF, 0.05, BYTES)
    one = run_attack(Iprop(steps=1), target, batch, threat, seed=0)
    many = run_attack(Iprop(steps=1, restarts=4), target, batch, threat, seed=0)
    assert (many.fooled | ~one.fooled).all()
    assert torch.equal(many.images[one.fooled], one.images[one.fooled])


def test_without_stopping_the_smallest_margin_is_kept() -> None:
    target = binary_network([16, 12, 3], seed=2)
    batch, threat = images_of(target, 16, seed=2), Threat(Norm.LINF, 0.15, BYTES)
    first = run_attack(Iprop(steps=5), target, batch, threat, seed=0)
    last = run_attack(Iprop(steps=5, stop_at_success=False), target, batch, threat, seed=0)
    assert torch.equal(first.fooled, last.fooled)
    assert (last.margins <= first.margins).all()
    assert (last.margins < first.margins).any()


def test_it_writes_nothing_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    target = binary_network([27, 12, 10, 3], seed=5)
    run_attack(Iprop(), target, images_of(target, 4, 5), Threat(Norm.LINF, 0.08, BYTES), 0)
    assert capfd.readouterr() == ("", "")


def test_an_empty_batch_is_no_work() -> None:
    target = binary_network([4, 4, 3], seed=0)
    nobody = images_of(target, 2, 0).select(slice(0, 0))
    outcome = run_attack(Iprop(), target, nobody, Threat(Norm.LINF, 0.1, BYTES), 0)
    assert len(outcome.fooled) == 0


def test_it_knows_linf_only() -> None:
    target = binary_network([4, 4, 3], seed=0)
    with pytest.raises(UsageError, match="iprop attacks in the norm linf only"):
        run_attack(Iprop(), target, images_of(target, 1, 0), Threat(Norm.L2, 0.1, BYTES), 0)


def test_a_network_without_signs_is_refused() -> None:
    target = linear_target(torch.eye(2), torch.zeros(2))
    batch = batch_of(target, torch.rand(2, 2))
    with pytest.raises(UsageError, match="iprop needs a network with binary activations"):
        run_attack(Iprop(), target, batch, Threat(Norm.LINF, 0.1), 0)


def test_a_missing_scipy_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    known = builtins.__import__

    def without_scipy(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("scipy"):
            raise ImportError(name)
        return known(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_scipy)
    target = binary_network([4, 4, 3], seed=0)
    with pytest.raises(UsageError, match=r"iprop needs scipy; install it with: pip install 'bnnaudit\[milp\]'"):
        run_attack(Iprop(), target, images_of(target, 1, 0), Threat(Norm.LINF, 0.1, BYTES), 0)
