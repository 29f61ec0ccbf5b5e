"""Recipes that are written for pictures: they are read again, and fit what was found."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from bnnaudit.zoo.train.new_recipe import held_out, network_name, new_recipe
from bnnaudit.zoo.train.picture_survey import Survey
from bnnaudit.zoo.train.recipes import build_network, read_recipe, refuse_misfit
from bnnaudit.zoo.train.tables import Recipe

FOUND = Survey("photos", {"cat": 600, "dog": 400, "it\x7f\"'": 500}, (100, 75), (480, 640), 3, 1497, 0)
SMALL = Survey("digits.zip:all", {"0": 900, "1": 900}, (8, 8), (8, 8), 1800, 0, 0)


def read(found: Survey, tmp_path: Path) -> Recipe:
    path = tmp_path / "recipe.toml"
    path.write_text(new_recipe(found, path), encoding="utf-8")
    return read_recipe(path)


@pytest.mark.parametrize(("found", "image"), [(FOUND, (3, 32, 32)), (SMALL, (1, 8, 8))], ids=["photos", "digits"])
def test_the_network_takes_the_pictures(found: Survey, image: tuple[int, int, int], tmp_path: Path) -> None:
    recipe = read(found, tmp_path)
    refuse_misfit(build_network(recipe), image, len(found.counts), "recipe")
    assert recipe.architecture.options["weights"] == recipe.architecture.options["activations"] == "binary"
    assert recipe.data.source == found.address


def test_pictures_of_one_small_size_stay_as_they_are(tmp_path: Path) -> None:
    assert read(FOUND, tmp_path).data.size == (32, 32)
    assert read(SMALL, tmp_path).data.size is None
    assert read(replace(SMALL, largest=(9, 8)), tmp_path).data.size == (32, 32)
    assert read(replace(SMALL, smallest=(65, 8), largest=(65, 8)), tmp_path).data.size == (32, 32)


def test_only_photographs_are_mirrored(tmp_path: Path) -> None:
    assert (read(FOUND, tmp_path).training.flip, read(FOUND, tmp_path).training.shift) == (True, 4)
    assert (read(SMALL, tmp_path).training.flip, read(SMALL, tmp_path).training.shift) == (False, 1)


@pytest.mark.parametrize(
    ("images", "apart"), [(20, 6), (300, 100), (900, 300), (1500, 300), (1800, 360), (60_000, 1000)]
)
def test_held_out_is_a_fifth_or_what_an_audit_needs(images: int, apart: int, tmp_path: Path) -> None:
    found = replace(SMALL, counts={"0": images // 2, "1": images - images // 2})
    assert held_out(found) == read(found, tmp_path).data.held_out == apart


def test_test_images_of_their_own_are_not_held_out_again(tmp_path: Path) -> None:
    assert "held_out" not in tomllib.loads(new_recipe(replace(FOUND, test=40), tmp_path / "recipe.toml"))["data"]


def test_few_pictures_are_seen_more_often(tmp_path: Path) -> None:
    few, more, many = (replace(SMALL, counts={"0": count, "1": count}) for count in (100, 1250, 30_000))
    assert [read(found, tmp_path).training.epochs for found in (few, more, many)] == [40, 30, 10]


@pytest.mark.parametrize(
    ("address", "file", "name"),
    [
        ("photos", "recipe.toml", "photos-bnn"),
        ("photos", "photos-bnn.toml", "photos-bnn-waq"),
        ("my photos/", "recipe.toml", "my-photos-bnn"),
        ("data/birds.zip:all", "recipe.toml", "birds-bnn"),
        ("写真", "recipe.toml", "network-bnn"),
        ("--x", "recipe.toml", "x-bnn"),
        ("a" * 300, "recipe.toml", "a" * 60 + "-bnn"),
    ],
)
def test_the_network_is_named_like_its_pictures_but_never_like_its_recipe(address: str, file: str, name: str) -> None:
    assert network_name(address, Path(file)) == name


@pytest.mark.parametrize("name", ['it\'s "new"', "a\\b", "line\nbreak", "\x7f\x1b[31m", "写真", "🦆", "#no comment"])
def test_any_name_of_a_folder_can_be_read_again(name: str, tmp_path: Path) -> None:
    assert read(replace(FOUND, address=name), tmp_path).data.source == name


def test_every_key_but_those_that_need_none_has_a_comment() -> None:
    lines = [line for line in new_recipe(FOUND, Path("recipe.toml")).splitlines() if " = " in line.partition("#")[0]]
    bare = {line.split()[0] for line in lines if " # " not in line}
    assert bare == {"description", "classes", "batch_size", "learning_rate"}
    assert all(len(line) <= 120 for line in lines)
