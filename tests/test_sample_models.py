"""The files of sample_models/ are whole, say what the README says, and show what they are there to show."""

import numpy as np
import onnxruntime
import pytest
import torch

from bnnaudit.api import Report, audit
from bnnaudit.config.card import Settings, settings_for
from bnnaudit.core.digest import sha256_of
from bnnaudit.core.finding import Severity
from bnnaudit.core.report import Status
from bnnaudit.zoo.train.digits import load_digits_split
from bnnaudit.zoo.train.publishing import read_digests
from bnnaudit.zoo.train.recipes import read_recipe
from tests.paths import SAMPLE_MODELS

FOLDER = SAMPLE_MODELS
NAMES = ("digits-ref", "digits-bnn-wq", "digits-bnn-waq", "digits-ref-at")


def held_out() -> tuple[np.ndarray, np.ndarray]:
    with np.load(FOLDER / "digits-test.npz") as stored:
        return stored["x"], stored["y"]


def test_the_digests_match_and_cover_everything_that_training_made() -> None:
    digests = read_digests(FOLDER / "SHA256SUMS")
    files = {path.name for path in FOLDER.iterdir() if path.suffix in (".onnx", ".safetensors", ".npz", ".toml")}
    assert set(digests) == files
    assert {name: sha256_of(FOLDER / name) for name in files} == dict(digests)


def test_the_held_out_images_are_those_of_the_recipes() -> None:
    x, y = held_out()
    assert x.shape == (597, 8, 8)
    assert x.dtype == np.uint8
    for name in NAMES:
        data = read_recipe(FOLDER / "recipes" / f"{name}.toml").data
        test = load_digits_split(data.held_out, data.seed).test
        assert np.array_equal(test.x, x)
        assert np.array_equal(test.y, y)


@pytest.mark.parametrize("name", NAMES)
def test_the_declared_accuracy_is_that_of_the_deployed_model(name: str) -> None:
    x, y = held_out()
    images = (torch.from_numpy(x).float() / 255)[:, None].numpy()
    session = onnxruntime.InferenceSession(str(FOLDER / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"images": images})
    declared = settings_for(FOLDER / f"{name}.onnx", Settings(), FOLDER).declared.clean_accuracy
    assert declared is not None
    assert (logits.argmax(1) == y).mean() == pytest.approx(declared, abs=0.002)
    assert declared >= 0.95


@pytest.mark.parametrize("name", NAMES)
def test_the_card_agrees_with_its_recipe(name: str) -> None:
    card, recipe = (
        settings_for(FOLDER / f"{name}.onnx", Settings(), FOLDER),
        read_recipe(FOLDER / "recipes" / f"{name}.toml"),
    )
    assert recipe.name == name
    assert (card.description, card.threat.eps) == (recipe.description, recipe.card.eps)
    assert (card.architecture.name, card.architecture.options) == (
        recipe.architecture.name,
        recipe.architecture.options,
    )


def test_files_are_small() -> None:
    assert all(path.stat().st_size < 400_000 for path in FOLDER.rglob("*") if path.is_file())


def errors(report: Report) -> set[str]:
    return {finding.rule.code for finding in report.findings if finding.severity is Severity.ERROR}


def figures(report: Report) -> tuple[float, float]:
    """Claimed and verified accuracy."""
    assert report.verdict is not None
    assert report.verdict.claimed_accuracy is not None
    assert report.verdict.verified_accuracy is not None
    return report.verdict.claimed_accuracy, report.verdict.verified_accuracy.value


@pytest.mark.parametrize("name", ["digits-bnn-waq.onnx", "digits-bnn-waq.safetensors"])
def test_the_binary_network_s_robustness_is_fake(name: str) -> None:
    report = audit(FOLDER / name, settings={"audit": {"all_images": True}})
    claimed, verified = figures(report)
    assert claimed >= 0.4
    assert verified <= 0.02
    assert errors(report) == {"FR301", "FR302"}
    assert {"GM101", "GM103", "GM104", "SP201"} <= {finding.rule.code for finding in report.findings}
    assert report.verdict is not None
    assert not report.passed


def test_the_float_networks_are_honest_and_adversarial_training_made_one_robust() -> None:
    plain, trained = audit(FOLDER / "digits-ref.onnx"), audit(FOLDER / "digits-ref-at.onnx")
    for report, status in ((plain, Status.NOT_ROBUST), (trained, Status.AS_CLAIMED)):
        assert report.verdict is not None
        assert report.verdict.status is status
        assert report.passed
        assert errors(report) == set()
    assert figures(trained)[1] >= figures(plain)[1] + 0.2
