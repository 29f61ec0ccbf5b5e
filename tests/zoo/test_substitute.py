"""A substitute learns a model from its answers, by the loop that trains recipes, and is trained once."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import bnnaudit
from bnnaudit.core.target import Deployed, Target
from bnnaudit.core.threat import Box
from bnnaudit.zoo import substitute
from bnnaudit.zoo.substitute import QUERIES, imitate, substitute_network
from tests.toy import BYTES, linear_target, target_of

GENERATOR = torch.Generator().manual_seed(0)
WEIGHTS = torch.randn(3, 8, generator=GENERATOR)
VECTORS = torch.rand(300, 8, generator=GENERATOR)
PICTURES = torch.rand(300, 1, 8, 8, generator=GENERATOR)


class Asked:
    """A deployed model that remembers what it was asked."""

    def __init__(self, answering: Deployed) -> None:
        self.answering = answering
        self.images: list[Tensor] = []

    def __call__(self, images: Tensor) -> Tensor:
        self.images.append(images)
        return self.answering(images)

    @property
    def count(self) -> int:
        return sum(map(len, self.images))


def asked(target: Target) -> tuple[Target, Asked]:
    listening = Asked(target.deployed)
    return replace(target, deployed=listening), listening


def brightest_row(box: Box) -> Target:
    """Pictures of 8 x 8, and in which quarter of their rows they are brightest."""
    network = nn.Sequential(nn.AvgPool2d((2, 8)), nn.Flatten())
    return target_of(network, (1, 8, 8), 4, box)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training of a moment."""
    monkeypatch.setattr(substitute, "QUERIES", 512)


def kept(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


def weights(target: Target) -> list[Tensor]:
    return list(target.network.state_dict().values())


def equal(one: Target, other: Target) -> bool:
    return all(torch.equal(left, right) for left, right in zip(weights(one), weights(other), strict=True))


def test_it_learns_what_a_linear_model_answers() -> None:
    """On images that neither has seen, of which chance would give it a third."""
    target, listening = asked(linear_target(WEIGHTS, torch.zeros(3)))
    found = imitate(target, VECTORS, 0)
    fresh = torch.rand(500, 8, generator=torch.Generator().manual_seed(1))
    answers = (fresh @ WEIGHTS.T).argmax(dim=1)
    assert (found.logits(fresh).argmax(dim=1) == answers).float().mean() > 0.9
    assert listening.count == QUERIES
    assert found.deployed is listening
    assert (found.facts.path, found.facts.sha256, found.facts.quantizers) == ("", "", ())
    assert not found.network.training
    assert not any(parameter.requires_grad for parameter in found.network.parameters())


@pytest.mark.parametrize("box", [Box(), BYTES, Box(-128.0, 127.0)])
def test_it_learns_pictures_of_any_range(box: Box) -> None:
    images = box.low + box.width * PICTURES
    found = imitate(brightest_row(box), images, 0)
    fresh = box.low + box.width * torch.rand(500, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    agreement = (found.logits(fresh).argmax(dim=1) == brightest_row(box).logits(fresh).argmax(dim=1)).float().mean()
    assert agreement > 0.7  # four classes that noise decides


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("box", "step"), [(BYTES, 1.0), (Box(-128.0, 127.0), 1.0), (Box(0.0, 65535.0), 257.0)])
def test_it_asks_about_pictures_of_eight_bits_in_the_range(box: Box, step: float) -> None:
    """They are whole numbers where the model takes whole numbers."""
    target, listening = asked(brightest_row(box))
    imitate(target, box.low + box.width * PICTURES, 0)
    queries = torch.cat(listening.images)
    assert queries.shape == (512, 1, 8, 8)
    assert (float(queries.min()), float(queries.max())) == (box.low, box.high)
    assert torch.equal(queries, ((queries - box.low) / step).round() * step + box.low)


@pytest.mark.usefixtures("few")
def test_it_depends_on_the_seed_alone() -> None:
    """Not on the number of threads, nor on torch's own random numbers, which stay as they are."""
    target, before = brightest_row(Box()), torch.get_num_threads()
    found = []
    try:
        for seed, threads in ((0, 1), (0, 2), (1, 1)):
            torch.set_num_threads(threads)
            state = torch.random.get_rng_state()
            found.append(imitate(target, PICTURES, seed))
            assert torch.equal(state, torch.random.get_rng_state())
            assert torch.get_num_threads() == threads
            torch.rand(1)
    finally:
        torch.set_num_threads(before)
    assert equal(found[0], found[1])
    assert not equal(found[0], found[2])


@pytest.mark.usefixtures("few")
def test_it_is_trained_once_for_a_model(cache: Path) -> None:
    target, listening = asked(brightest_row(Box()))
    told: list[str] = []
    first = imitate(target, PICTURES, 0, "net", told.append)
    assert (told, listening.count, len(kept(cache))) == ([], 512, 1)
    second = imitate(target, PICTURES, 0, "net", told.append)
    assert (len(told), listening.count, len(kept(cache))) == (1, 512, 1)
    assert "cache" in told[0]
    assert equal(first, second)
    torch.testing.assert_close(first.logits(PICTURES), second.logits(PICTURES), rtol=0, atol=0)
    assert first.facts == second.facts


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("other", ["model", "seed", "images", "version", "torch"])
def test_and_anew_where_anything_differs(cache: Path, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, told = brightest_row(Box()), []
    given = {"images": PICTURES, "seed": 0, "model": "net"}
    imitate(target, told=told.append, **given)
    if other == "version":
        monkeypatch.setattr(substitute, "VERSION", substitute.VERSION + 1)
    elif other == "torch":
        monkeypatch.setattr(torch, "__version__", "0.0")
    else:
        given |= {other: {"model": "net2", "seed": 1, "images": PICTURES.flip(0)}[other]}
    imitate(target, told=told.append, **given)
    assert told == []
    assert len(kept(cache)) == 2


@pytest.mark.usefixtures("few")
def test_nothing_is_kept_of_a_model_that_no_text_tells_from_others(cache: Path) -> None:
    imitate(brightest_row(Box()), PICTURES, 0)
    assert kept(cache) == []


@pytest.mark.usefixtures("few")
def test_a_damaged_file_is_replaced(cache: Path) -> None:
    target, told = brightest_row(Box()), []
    first = imitate(target, PICTURES, 0, "net", told.append)
    (file,) = kept(cache)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert equal(imitate(target, PICTURES, 0, "net", told.append), first)
    assert told == []
    assert file.read_bytes() == whole


@pytest.mark.usefixtures("few")
def test_a_cache_that_cannot_be_written_is_no_error(cache: Path) -> None:
    cache.write_text("a file where the folder would be")
    imitate(brightest_row(Box()), PICTURES, 0, "net")
    assert cache.is_file()


def test_one_loop_trains_all_networks() -> None:
    """The only optimizers of PyTorch in the package are those of the recipes' training."""
    root = Path(bnnaudit.__file__).parent
    places = [path.relative_to(root).as_posix() for path in root.rglob("*.py") if _optimizes(path)]
    assert places == ["zoo/train/descent.py"]


def _optimizes(path: Path) -> bool:
    return bool(re.search(r"torch\.optim\.(?!Optimizer\b)|optimizer\.step\(", path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 4, 4), (1, 1, 5), (784,)])
def test_there_is_a_network_for_every_shape(shape: tuple[int, ...]) -> None:
    made = substitute_network(torch.Size(shape), 7, torch.Generator().manual_seed(0))
    assert made(torch.rand(2, *shape)).shape == (2, 7)
