"""Audits of public models and data that are no part of the project; skipped where they are not at hand."""

from __future__ import annotations

import json
from collections.abc import Callable

import jsonschema
import pytest

from bnnaudit.cli.main import run
from bnnaudit.reports.json.schema import report_schema
from tests.paths import SHARED

SHARED_DATA = SHARED / "data"
SIGNS = SHARED_DATA / "gtsrb_30x30_bnn.onnx"
TRAFFIC = [SIGNS, "--data", SHARED_DATA / "gtsrb_30x30_test2000.npz", "--input-range", "0,255", "--eps", "8/255"]

pytestmark = pytest.mark.skipif(not SIGNS.exists(), reason=f"no public models in {SHARED_DATA}")


@pytest.fixture
def report_of(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict]]:
    def call(*arguments: object) -> tuple[int, dict]:
        code = run([*(str(argument) for argument in arguments), "--format", "json"])
        report = json.loads(capsys.readouterr().out)
        jsonschema.validate(report, report_schema())
        return code, report

    return call


def test_the_traffic_sign_network_s_robustness_is_fake(report_of: Callable[..., tuple[int, dict]]) -> None:
    code, report = report_of("check", *TRAFFIC, "--samples", 100, "--all")
    assert code == 1
    verdict = report["verdict"]
    assert verdict["status"] == "fake-robustness"
    assert verdict["claimed_accuracy"] >= 0.6
    assert verdict["verified_accuracy"] <= 0.08
    found = {finding["rule"] for finding in report["findings"]}
    assert {"GM101", "GM103", "SP201", "SP203", "SP204", "FR301", "FR302"} <= found
    assert not found & {"MF401", "MF402", "MF405"}
    assert report["model"]["bits"] == {
        "weights": 1,
        "activations": 1,
        "weight_layers": [{"bits": 1, "layers": 3}],
        "activation_layers": [{"bits": 1, "layers": 2}],
    }


def test_hns_breaks_it_through_the_identity_surrogate(report_of: Callable[..., tuple[int, dict]]) -> None:
    options = ("--samples", 200, "--method", "pgd++", "--beta", "hns", "--surrogate", "identity")
    code, report = report_of("attack", *TRAFFIC, *options)
    (row,) = report["attacks"]
    assert code == 0
    assert row["adversarial_accuracy"] <= 0.13
    assert row["replayed"] > 100
