import json
from base64 import b64decode
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from bnnaudit.core.attack import Beta, BetaRule, Pgd
from bnnaudit.core.report import Report
from bnnaudit.core.scores import OutputScores, ScoreFacts
from bnnaudit.core.surrogate import Surrogate, SurrogateKind, WidthUnit
from bnnaudit.reports.json.schema import report_schema
from bnnaudit.reports.json.writer import write_json
from bnnaudit.reports.page import Page


def _document(report: Report) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    document: dict[str, Any] = json.loads(write_json(report, Page()), parse_constant=refuse)
    return document


def test_the_head_of_the_document(fake: Report) -> None:
    document = _document(fake)
    assert document["schema"] == "bnnaudit-report/1"
    assert document["tool"] == {"name": "bnnaudit", "version": "0.1.0"}
    assert document["threat"] == {
        "norm": "linf",
        "eps": 0.3,
        "image_bits": None,
        "input_range": [0.0, 1.0],
        "grid": None,
        "l2_per_channel": False,
    }
    assert document["model"]["nondifferentiable"] == [{"op": "sign", "count": 3}]
    assert document["model"]["input_range"] == [0.0, 1.0]
    assert (document["clean_accuracy"], document["clean_ci95"]) == (0.9833, [0.9614, 0.9929])


def test_attacks_carry_their_settings_and_result(fake: Report) -> None:
    plain, transfer, scaled = (_document(fake)["attacks"][index] for index in (1, 2, 5))
    assert (plain["method"], plain["name"], plain["beta"], plain["error_signal"]) == ("pgd", "pgd", "none", "plain")
    assert transfer["source"] == "substitute"
    assert (scaled["method"], scaled["name"], scaled["beta"], scaled["error_signal"]) == (
        "pgd",
        "pgd++",
        "0.1",
        "exact",
    )
    assert (scaled["loss"], scaled["surrogate"], scaled["restarts"]) == ("dlr", "triangular", 2)
    assert (scaled["adversarial_accuracy"], scaled["ci95"]) == (0.0, [0.0, 0.0126])
    assert (scaled["replayed"], scaled["replay_disagreements"]) == (140, 2)


def test_sweep_points_are_pairs(fake: Report) -> None:
    sweep = _document(fake)["sweeps"][0]
    assert sweep["points"] == [[1, 0.697], [5, 0.61], [10, 0.59], [20, 0.582]]
    assert sweep["labels"] == ["1", "5", "10", "20"]
    assert len(sweep["intervals"]) == 4


def test_every_finding_goes_round(fake: Report) -> None:
    written = [
        (entry["rule"], entry["name"], entry["severity"], entry["confidence"], entry["message"])
        for entry in _document(fake)["findings"]
    ]
    assert written == [
        (found.rule.code, found.rule.name, found.severity.value, found.confidence.value, found.message)
        for found in fake.findings
    ]


def test_evidence_keeps_every_measurement(fake: Report) -> None:
    findings = _document(fake)["findings"]
    assert findings[0]["evidence"] == {
        "claimed_accuracy": {"value": 0.582, "unit": "fraction", "n": 300, "ci95": [0.525, 0.637]},
        "verified_accuracy": {"value": 0.0, "unit": "fraction", "n": 300, "ci95": [0.0, 0.0126]},
        "p_value": {"value": 1e-50, "unit": "", "n": 300, "ci95": None},
    }
    # Two measurements of one name, with an infinite value and a bound that is not a number: both kept, as null.
    assert findings[2]["evidence"] == {
        "ratio": {"value": None, "unit": "x", "n": 300, "ci95": None},
        "ratio (2)": {"value": 7.0, "unit": "x", "n": 300, "ci95": [None, 8.0]},
    }
    assert [len(entry["evidence"]) for entry in findings] == [len(found.measurements) for found in fake.findings]


def test_the_other_three_lists_and_the_verdict(fake: Report) -> None:
    document = _document(fake)
    assert document["waived"] == [
        {
            "rule": "GM103",
            "reason": "accepted for the pilot, see the risk register",
            "owner": "ml-release",
            "model": "*",
            "until": "2030-01-31",
        }
    ]
    assert document["skipped"] == [{"check": "random-search", "why": "needs more than the 60 s that are allowed"}]
    assert document["faults"] == [{"check": "restarts", "error": "out of memory at batch size 512", "required": False}]
    verdict = document["verdict"]
    assert (verdict["status"], verdict["passed"]) == ("fake-robustness", False)
    assert (verdict["claimed_accuracy"], verdict["verified_accuracy"]) == (0.582, 0.0)
    assert verdict["verified_ci95"] == [0.0, 0.0126]


def test_what_was_not_measured_is_null(attack_only: Report, undecided: Report) -> None:
    assert _document(attack_only)["verdict"] is None
    assert _document(attack_only)["signal"] is None
    document = _document(undecided)
    assert (document["clean_accuracy"], document["clean_ci95"]) == (None, None)
    assert (document["verdict"]["claimed_accuracy"], document["verdict"]["claimed_ci95"]) == (None, None)


@pytest.mark.parametrize("path", ["[red]x[/red].onnx", 'quote".onnx', "模型.onnx", "\x1b[31m.onnx"])
def test_a_path_comes_back_as_it_was(fake: Report, path: str) -> None:
    assert _document(replace(fake, model=replace(fake.model, path=path)))["model"]["path"] == path


def test_the_text_is_ascii_without_lone_surrogates(fake: Report) -> None:
    text = write_json(replace(fake, model=replace(fake.model, path="é\udcff.onnx")), Page())
    assert text.isascii()
    assert text.endswith("}\n")
    assert json.loads(text)["model"]["path"] == "é?.onnx"


def test_the_tensor_that_is_climbed_and_what_the_output_tells_apart(fake: Report) -> None:
    scores = ScoreFacts("logits", "Gemm", ("Softmax", "QuantizeLinear"), 432, 17, ("hidden",), 60.0, levels=256)
    model = replace(fake.model, scores=scores, single="logit")
    report = replace(fake, model=model, output=OutputScores(50, 2, 40, 450, 500))
    document = _document(report)
    jsonschema.validate(document, report_schema())
    assert document["model"]["single"] == "logit"
    assert document["model"]["scores"] == {
        "tensor": "logits",
        "operator": "Gemm",
        "tail": ["Softmax", "QuantizeLinear"],
        "why": "its largest entry is in the output's class on all 432 images compared (the output is tied on 17)",
        "points": 432,
        "tied_points": 17,
        "rejected": ["hidden"],
        "scale": 60.0,
        "logarithm": False,
        "levels": 256,
        "single": False,
    }
    assert document["output"] == {
        "images": 50,
        "tied_images": 2,
        "distinct_scores": 40,
        "scores_at_an_end": 450,
        "scores": 500,
    }


def test_the_remedy_is_a_value_of_the_report(fake: Report, honest: Report) -> None:
    document = _document(fake)
    assert document["remedy"] == {
        "name": "temperature",
        "setting": "b by HNS",
        "recovered": 171,
        "of": 175,
        "fraction": 0.9771,
        "ci95": [0.943, 0.9911],
        "causes": ["SP202"],
    }
    assert document["remedy"] == {**document["cures"][0], "causes": ["SP202"]}
    assert _document(honest)["remedy"] is None


def test_where_the_gradient_vanishes_is_a_value_of_the_report(detailed: Report) -> None:
    assert _document(detailed)["signal"]["vanishing"] == {
        "original": {"place": "logits", "fraction": 0.85, "saturated": True},
        "njs": None,
        "hns": {"place": "features.1.sign", "fraction": 1.0, "saturated": False},
    }


def test_an_attack_of_small_steps_is_told_apart(fake: Report) -> None:
    short = replace(fake.attacks[1], step_size=0.01)
    written = [row["reaches_radius"] for row in _document(replace(fake, attacks=(short, fake.attacks[1])))["attacks"]]
    assert written == [False, True]


def test_the_gate_is_written_with_all_that_it_was_asked(fake: Report) -> None:
    gate = _document(fake)["gate"]
    assert gate["outcome"] == "failed"
    assert gate["policy"]["limits"] == {"min_clean": 0.9, "min_verified": 0.3, "max_gap": 0.05, "max_drop": None}
    assert gate["policy"]["fail_on"] == "warning"
    assert gate["criteria"][3] == {
        "kind": "min-verified",
        "asked": "verified accuracy of at least 30 %",
        "outcome": "failed",
        "reason": "at most 0.0 % [0.0, 1.3]: the upper bound is below",
        "threshold": 0.3,
        "measured": {"value": 0.0, "ci95": [0.0, 0.0126], "samples": 300},
        "bound": "upper bound",
        "more_images": None,
    }
    assert gate["idle"][0]["problem"] == "expired"
    assert gate["idle"][0]["waiver"]["expires"] == "2024-01-31"
    assert _document(fake)["exit_code"] == 1


def test_a_declared_accuracy_has_no_interval_and_stands_beside_the_ordinary_one(claim_not_met: Report) -> None:
    verdict = _document(claim_not_met)["verdict"]
    assert (verdict["declared_accuracy"], verdict["claimed_accuracy"], verdict["claimed_ci95"]) == (0.66, 0.66, None)
    assert (verdict["ordinary_accuracy"], verdict["ordinary_ci95"]) == (0.55, [0.4934, 0.6054])


def test_a_table_of_images_is_one_that_pandas_takes(fake: Report) -> None:
    images = _document(fake)["images"]
    assert list(images) == ["columns", "data"]
    rows = [dict(zip(images["columns"], row, strict=True)) for row in images["data"]]
    assert rows[1]["fooled_by"] == "pgd++"
    assert [row["verified"] for row in rows] == [False, False, False, True, False, None]


def test_pictures_are_in_base64(fake: Report) -> None:
    (first, *_) = _document(fake)["examples"]
    assert b64decode(first["original"]) == fake.examples[0].original
    assert (first["index"], first["scale"]) == (0, 10.0)


def test_settings_and_threat_are_written_to_the_last_digit(fake: Report) -> None:
    exact = Surrogate(SurrogateKind.TANH, 1 / 3, WidthUnit.REACH, 1 / 7)
    row = replace(fake.attacks[1], settings=Pgd(surrogate=exact, beta=Beta(BetaRule.FIXED, 1 / 3)))
    (attack,) = _document(replace(fake, attacks=(row,)))["attacks"]
    assert attack["surrogate"] == "tanh:0.333333..0.142857:reach"
    assert attack["settings"]["surrogate"] == {"kind": "tanh", "width": 1 / 3, "unit": "reach", "end": 1 / 7}
    assert attack["settings"]["beta"]["value"] == 1 / 3
    assert attack["threat"]["input_range"] == [0.0, 1.0]


def test_the_rules_that_fired_are_written_in_full_once(compared: Report) -> None:
    document = _document(compared)
    assert list(document["rules"]) == ["FR301", "SP202", "GM103", "MF405"]
    assert document["rules"]["FR301"]["false_alarms"] == compared.findings[0].rule.false_alarms
    assert [finding["baseline"] for finding in document["findings"]] == ["unchanged", "new", "worse", "unchanged"]
    assert document["findings"][2]["waiver"]["owner"] == "ml-release"


def test_the_model_is_written_as_inspect_shows_it(fake: Report) -> None:
    model = _document(fake)["model"]
    assert model["operators"][0] == {"op": "Conv", "count": 3}
    assert [one["name"] for one in model["quantizers"]] == [f"features.{index}.sign" for index in range(3)]
    assert model["metadata"] == {"producer": "pytorch 2.15", "opset": "20"}
