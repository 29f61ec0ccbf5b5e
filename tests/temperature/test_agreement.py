"""The cheap rules against exact HNS on trained networks: the sample models, and real ones where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bnnaudit.auditing.open import open_model_and_data
from bnnaudit.config.card import parse_settings, settings_for
from bnnaudit.core.attack import Beta, BetaRule
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.numerics.hessian_scaling import search_fine
from bnnaudit.temperature import fit_temperature
from bnnaudit.temperature.hns import ExactScaling
from tests.paths import ROOT

SHARED = ROOT.parent / "shared" / "data"
SAMPLES = sorted((ROOT / "sample_models").glob("*.onnx"))
REAL = {
    "gtsrb_30x30_bnn.onnx": {
        "data": {"source": str(SHARED / "gtsrb_30x30_test2000.npz")},
        "preprocessing": {"input_range": [0, 255]},
    },
    "mnist_tfc_2w2a_qonnx.onnx": {"data": {"source": "MNIST", "root": str(SHARED / "mnist")}},
}

USUAL = 0.1
"""Most that the median of |log(b / exact b)| may be."""
LOOSER = {"mnist-mlp-bnn-waq": 0.25}
"""Its logits are sums of a hundred terms of -1 and +1, and its Jacobian is further from the identity's multiple: 0.19."""


def opened(model: Path, settings: dict[str, dict[str, object]]) -> tuple[Target, Batch]:
    tables = {**settings, "data": {**settings.get("data", {}), "samples": 60}}
    both = open_model_and_data(model, settings_for(model, parse_settings(tables, "test"), ROOT))
    images = both.sample.images
    return both.target, Batch(images, both.target.deployed(images).argmax(dim=1), both.sample.ids)


def check_agreement(target: Target, batch: Batch, most: float = USUAL) -> None:
    with torch.no_grad():
        logits = target.logits(batch.images)
    exact, _ = ExactScaling(search_fine).at_start(target, batch.images, logits, batch.labels)
    for rule in (BetaRule.HNS_LOGIT, BetaRule.HNS_SKETCH):
        betas, _ = fit_temperature(Beta(rule), target, batch).at_start(target, batch.images, logits, batch.labels)
        found = (exact != 1) & (betas != 1)
        assert found.sum() >= 45
        assert float((betas / exact)[found].log().abs().median()) <= most


@pytest.mark.parametrize("model", SAMPLES, ids=lambda path: path.stem)
def test_on_the_sample_models(model: Path) -> None:
    if model.stem.startswith("digits-"):
        check_agreement(*opened(model, {}))
        return
    if not (SHARED / "mnist").exists() or not model.stem.startswith("mnist-"):
        pytest.skip("its data do not lie beside it")
    check_agreement(*opened(model, {"data": {"root": str(SHARED / "mnist")}}), LOOSER.get(model.stem, USUAL))


@pytest.mark.parametrize("name", list(REAL))
def test_on_real_models(name: str) -> None:
    if not (SHARED / name).exists():
        pytest.skip(f"{SHARED / name} is not at hand")
    check_agreement(*opened(SHARED / name, REAL[name]))


def test_a_point_s_sketched_b_does_not_depend_on_its_company() -> None:
    target, batch = opened(SAMPLES[0], {})
    rule = fit_temperature(Beta(BetaRule.HNS_SKETCH), target, batch)
    with torch.no_grad():
        logits = target.logits(batch.images)
    together, _ = rule.at_start(target, batch.images, logits, batch.labels)
    few = batch.select(slice(7, 10))
    alone, _ = rule.at_start(target, few.images, logits[7:10], few.labels)
    assert torch.allclose(together[7:10], alone, rtol=1e-3)
