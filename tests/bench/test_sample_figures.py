"""The README of the sample models says what lies there, and what was found on the very files that lie there."""

from __future__ import annotations

import json

import pytest

from bnnaudit.zoo.train.tables import ExportFormat
from tests.bench.sample_figures import BEGIN, END, FIGURES, README, Audited, Sample, known, samples, tables, written
from tests.paths import SAMPLE_MODELS

REWRITE = "python -m tests.bench.sample_figures writes them anew"


def test_the_tables_are_those_of_the_files_and_figures_that_lie_there() -> None:
    text = README.read_text(encoding="utf-8")
    assert written(text, tables(known())) == text, REWRITE


def test_every_model_is_in_the_tables() -> None:
    text = README.read_text(encoding="utf-8")
    models = {path.stem for kind in ExportFormat for path in SAMPLE_MODELS.glob(f"*.{kind}")}
    assert {sample.name for sample in samples()} == {name for name in models if not name.endswith("-latent")}
    assert all(text.count(f"| `{name}` ") == 2 for name in {sample.name for sample in samples()})


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_the_figures_are_of_the_file_and_the_card_that_lie_there(sample: Sample) -> None:
    audited = known().get(sample.name)
    assert audited is not None, REWRITE
    assert (audited.sha256, audited.card_sha256) == sample.digests(), REWRITE
    assert audited.file == sample.model.name


def test_no_figures_are_kept_of_models_that_are_gone() -> None:
    assert set(json.loads(FIGURES.read_text(encoding="utf-8"))) <= {sample.name for sample in samples()}


NAMES = sorted(known())
BINARY = [
    name for name in NAMES if "-bnn-w" in name and name.startswith(("digits-", "mnist-")) and not name.endswith("-at")
]
BINARY += ["cifar10-resnet18-bnn-waq", "cifar10-vgg16-bnn-waq-full"]
HONEST = [name for name in NAMES if "-bnn-w" not in name and name.startswith(("digits-", "mnist-"))]


@pytest.mark.parametrize("name", BINARY)
def test_binary_networks_look_more_robust_than_they_are(name: str) -> None:
    found: Audited = known()[name]
    assert found.status == "fake-robustness"
    assert found.ordinary_accuracy > found.verified_accuracy + 0.05
    assert "FR302" in found.errors


@pytest.mark.parametrize("name", ["cifar10-resnet18-bnn-wq", "cifar10-vgg16-bnn-wq", "cifar10-vgg16-bnn-waq"])
def test_logits_of_narrow_networks_are_too_small_to_hide_anything(name: str) -> None:
    assert known()[name].status == "not-robust"


@pytest.mark.parametrize("name", HONEST)
def test_other_networks_are_what_they_seem(name: str) -> None:
    """Float ones, and those of two bits and more."""
    found = known()[name]
    assert found.status == ("robust-as-claimed" if name.endswith("-at") else "not-robust")
    assert found.errors == ()


def test_adversarial_training_makes_a_binary_network_more_robust_but_less_than_it_seems() -> None:
    plain, trained = (known()[name] for name in ("digits-bnn-wq-bc", "digits-bnn-wq-at"))
    assert trained.verified_accuracy > plain.verified_accuracy + 0.2
    assert trained.ordinary_accuracy > trained.verified_accuracy + 0.1


def test_what_stands_around_the_tables_is_kept() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert written(text, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert written(written(text, "new"), "new") == written(text, "new")
