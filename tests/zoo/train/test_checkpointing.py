"""A training that is killed, interrupted or misled: it goes on to the same weights, or says why it does not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from bnnaudit.core.errors import UsageError
from bnnaudit.zoo.train.keeping import TrainingInterruptedError
from bnnaudit.zoo.train.tables import ArchitectureTable, DataTable, Recipe
from bnnaudit.zoo.train.training import Surroundings, train
from tests.paths import ROOT
from tests.zoo.train.killed import RECIPE

STEPS = 5 * 4
"""Of the whole training: 160 images in batches of 32."""


def networks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".safetensors"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an uninterrupted training makes."""
    folder = tmp_path_factory.mktemp("whole")
    train(RECIPE, folder)
    assert networks(folder).keys() == {"net.safetensors", "net-latent.safetensors"}
    return networks(folder)


def kill(folder: Path, steps: int, where: str) -> None:
    words = [sys.executable, "-m", "tests.zoo.train.killed", str(folder), str(steps), where]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr


def test_killed_again_and_again_it_ends_with_the_same_weights(whole: dict[str, bytes], tmp_path: Path) -> None:
    """Before the first checkpoint, in the middle of an epoch, at its end, and while a checkpoint is written."""
    checkpoint = tmp_path / "net.checkpoint"
    kill(tmp_path, 1, "step")
    assert not checkpoint.exists()
    kill(tmp_path, 4, "step")
    at_three = checkpoint.read_bytes()
    kill(tmp_path, 1, "save")
    assert checkpoint.read_bytes() == at_three
    kill(tmp_path, 3, "step")
    train(RECIPE, tmp_path)
    assert networks(tmp_path) == whole
    assert not checkpoint.exists()


@pytest.mark.parametrize("every", [1, 2, 5, STEPS])
def test_interrupted_after_every_so_many_steps(every: int, whole: dict[str, bytes], tmp_path: Path) -> None:
    counted = iter(range(1, 10**6))
    stops: Iterator[bool] = (step % every == 0 for step in counted)
    for _ in range(STEPS // every):
        with pytest.raises(TrainingInterruptedError, match=r"net\.checkpoint"):
            train(RECIPE, tmp_path, Surroundings(stop=lambda: next(stops)))
    train(RECIPE, tmp_path, Surroundings(stop=lambda: next(stops)))
    assert networks(tmp_path) == whole
    lines = (tmp_path / "net-log.jsonl").read_text().splitlines()
    assert len(lines) == 1 + 4 + 1


def interrupted(recipe: Recipe, folder: Path) -> Path:
    with pytest.raises(TrainingInterruptedError):
        train(recipe, folder, Surroundings(stop=lambda: True))
    return folder / f"{recipe.name}.checkpoint"


def test_a_checkpoint_of_another_recipe_is_refused_unless_it_is_to_be_replaced(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    checkpoint = interrupted(RECIPE.model_copy(update={"seed": 6}), tmp_path)
    before = checkpoint.read_bytes()
    with pytest.raises(UsageError, match="of another recipe, or of other data; --restart trains anew"):
        train(RECIPE, tmp_path)
    assert checkpoint.read_bytes() == before
    train(RECIPE, tmp_path, Surroundings(restart=True))
    assert networks(tmp_path) == whole


def test_pictures_that_changed_since_are_other_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "data"
    for index in range(16):
        place = folder / str(index % 2) / f"{index}.ppm"  # as many bytes whatever it shows
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (index, 0, 0)).save(place)
    options = {"in_features": 192, "hidden": [4], "classes": 2}
    recipe = RECIPE.model_copy(
        update={
            "data": DataTable(source=str(folder), held_out=4, validation=2),
            "architecture": ArchitectureTable(name="mlp", options=options),
            "training": RECIPE.training.model_copy(update={"batch_size": 4}),
        }
    )
    interrupted(recipe, tmp_path / "out")
    interrupted(recipe, tmp_path / "out")  # the same data are gone on with
    Image.new("RGB", (8, 8), (200, 0, 0)).save(folder / "0" / "0.ppm")
    with pytest.raises(UsageError, match="or of other data; --restart trains anew"):
        train(recipe, tmp_path / "out")


def test_a_checkpoint_that_cannot_be_removed(tmp_path: Path) -> None:
    (tmp_path / "net.checkpoint").mkdir()
    with pytest.raises(UsageError, match="cannot be written to"):
        train(RECIPE, tmp_path, Surroundings(restart=True))


def test_what_no_weight_depends_on_may_change(whole: dict[str, bytes], tmp_path: Path) -> None:
    interrupted(RECIPE.model_copy(update={"description": "another"}), tmp_path)
    train(RECIPE, tmp_path)
    assert networks(tmp_path) == whole


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a readable checkpoint"),
        (b"PK\x03\x04" + bytes(99), "not a readable checkpoint"),
        ({"format": 0}, "not a checkpoint of this version's training"),
        ([1], "not a checkpoint of this version's training"),
    ],
)
def test_a_file_that_is_no_checkpoint(content: object, said: str, tmp_path: Path) -> None:
    path = tmp_path / "net.checkpoint"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(UsageError, match=said) as caught:
        train(RECIPE, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_that_lacks_a_part(tmp_path: Path) -> None:
    path = interrupted(RECIPE, tmp_path)
    stored = torch.load(path, weights_only=True)
    torch.save({name: value for name, value in stored.items() if name != "optimizer"}, path)
    with pytest.raises(UsageError, match="damaged checkpoint"):
        train(RECIPE, tmp_path)


def test_no_code_in_a_checkpoint_is_run(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "harm",))  # type: ignore[return-value]

    torch.save({"format": 1, "digest": Harm()}, tmp_path / "net.checkpoint")
    with pytest.raises(UsageError, match="not a readable checkpoint"):
        train(RECIPE, tmp_path)
    assert not (tmp_path / "harm").exists()


def test_a_pipe_is_no_checkpoint_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "net.checkpoint")
    with pytest.raises(UsageError, match=r"net\.checkpoint: not a readable checkpoint"):
        train(RECIPE, tmp_path)
