"""Bills of materials for models: valid by the published schema, with the figures of the report and the claim about the model."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from bnnaudit.core.report import Report, Status
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.reports.cyclonedx.writer import write_cyclonedx
from bnnaudit.reports.page import Page
from tests.reports.hostile import LONG, with_names

PAGE = Page()
VALIDATOR = JsonStrictValidator(SchemaVersion.V1_7)


def bill(document: Report | Suite | Failure) -> dict[str, Any]:
    """The document, valid by the schema, in which every reference is to something that is there once."""
    text = write_cyclonedx(document, PAGE)
    error = VALIDATOR.validate_str(text)
    assert error is None, error
    found: dict[str, Any] = json.loads(text)
    references = list(_values(found, "bom-ref"))
    assert len(references) == len(set(references))
    for name in ("ref", "target", "assessor"):
        assert set(_values(found, name)) <= set(references)
    for name in ("evidence", "counterEvidence", "claims"):
        named = [value for values in _values(found, name) for value in values if isinstance(value, str)]
        assert set(named) <= set(references)
    return found


def _values(node: Any, name: str) -> Any:
    if isinstance(node, dict):
        yield from ([node[name]] if name in node else [])
        for value in node.values():
            yield from _values(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from _values(value, name)


def evidence(found: dict[str, Any], side: str, claim: int = 0) -> list[str]:
    """The descriptions of what a claim rests on, or of what contradicts it."""
    pieces = {piece["bom-ref"]: piece["description"] for piece in found["declarations"]["evidence"]}
    return [pieces[reference] for reference in found["declarations"]["claims"][claim][side]]


def test_every_report_is_valid(reports: dict[str, Report]) -> None:
    for report in reports.values():
        component = bill(report)["components"][0]
        assert component["type"] == "machine-learning-model"
        assert component["hashes"] == [{"alg": "SHA-256", "content": "3f" * 32}]


def test_metrics_carry_their_intervals_and_say_that_the_verified_one_is_an_upper_bound(fake: Report) -> None:
    card = bill(fake)["components"][0]["modelCard"]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [
        {
            "type": "accuracy",
            "value": "0.9833",
            "slice": "without attack, 300 images",
            "confidenceInterval": {"lowerBound": "0.9614", "upperBound": "0.9929"},
        },
        {
            "type": "accuracy under ordinary attack",
            "value": "0.582",
            "slice": "L-inf 0.3, 300 images",
            "confidenceInterval": {"lowerBound": "0.525", "upperBound": "0.637"},
        },
        {
            "type": "accuracy under attack, verified (at most)",
            "value": "0",
            "slice": "L-inf 0.3, 300 images",
            "confidenceInterval": {"lowerBound": "0", "upperBound": "0.0126"},
        },
    ]


def test_a_declared_figure_has_no_interval(claim_not_met: Report) -> None:
    metrics = bill(claim_not_met)["components"][0]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    declared = [metric for metric in metrics if "declared" in metric["type"]]
    assert declared == [
        {"type": "accuracy under attack, declared by the model's maker", "value": "0.66", "slice": "L-inf 8/255"}
    ]


def test_a_run_that_judges_nothing_has_the_figures_of_its_attacks_and_no_claim(attack_only: Report) -> None:
    found = bill(attack_only)
    metrics = found["components"][0]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert [metric["type"] for metric in metrics] == ["accuracy", "accuracy under PGD++"]
    assert found["declarations"]["claims"] == []
    assert {"name": "bnnaudit:gate:L2 120/255", "value": "not asked"} in found["components"][0]["modelCard"][
        "properties"
    ]


def test_the_card_says_what_the_network_is_and_what_limits_it(fake: Report) -> None:
    card = bill(fake)["components"][0]["modelCard"]
    parameters = card["modelParameters"]
    assert parameters["task"] == "image classification"
    assert parameters["architectureFamily"] == "neural network with binary weights and activations"
    assert parameters["inputs"] == [{"format": "image, 1 x 8 x 8 nchw, numbers from 0 to 1"}]
    assert parameters["outputs"] == [{"format": "logits of 10 classes"}]
    limits = card["considerations"]["technicalLimitations"]
    assert len(limits) == len(fake.findings)
    assert limits[0].startswith("FR301 fake-robustness, error, L-inf 0.3: Ordinary PGD leaves")
    assert "warning (accepted until 2030-01-31)" in limits[2]


def test_fake_robustness_is_a_claim_with_counter_evidence(fake: Report) -> None:
    found = bill(fake)
    claim = found["declarations"]["claims"][0]
    assert claim["target"] == found["components"][0]["bom-ref"]
    assert claim["predicate"] == "58.2 % accuracy under L-inf 0.3"
    assert claim["reasoning"].startswith("No figure is declared; this is what ordinary PGD leaves")
    assert evidence(found, "evidence") == ["Ordinary PGD leaves 58.2 % [52.5, 63.7] under L-inf 0.3."]
    against = evidence(found, "counterEvidence")
    assert against[0] == "All attacks together leave at most 0.0 % [0.0, 1.3] under L-inf 0.3."
    assert against[1].startswith("FR301: ")
    attestation = found["declarations"]["attestations"][0]
    assert attestation["map"][0]["conformance"]["score"] == 0
    assert attestation["summary"] == "Verdict under L-inf 0.3: fake-robustness; release gate: failed"
    assert attestation["assessor"] == found["declarations"]["assessors"][0]["bom-ref"]


def test_a_claim_that_holds_has_evidence_alone(honest: Report) -> None:
    found = bill(honest)
    assert len(evidence(found, "evidence")) == 2
    assert evidence(found, "counterEvidence") == []
    assert found["declarations"]["attestations"][0]["map"][0]["conformance"]["score"] == 1


def test_a_declared_claim_that_is_not_met_has_counter_evidence_alone(claim_not_met: Report) -> None:
    found = bill(claim_not_met)
    assert found["declarations"]["claims"][0]["predicate"] == "66.0 % accuracy under L-inf 8/255"
    assert found["declarations"]["claims"][0]["reasoning"] == "The figure is declared by the card."
    assert evidence(found, "evidence") == []
    assert len(evidence(found, "counterEvidence")) == 3


def test_an_undecided_verdict_has_no_score_and_no_evidence(honest: Report) -> None:
    assert honest.verdict is not None
    found = bill(replace(honest, verdict=replace(honest.verdict, status=Status.INCONCLUSIVE)))
    assert found["declarations"]["claims"][0]["evidence"] == []
    assert "score" not in found["declarations"]["attestations"][0]["map"][0]["conformance"]


def test_evidence_has_its_figure_as_json(honest: Report) -> None:
    piece = bill(honest)["declarations"]["evidence"][1]
    figure = json.loads(piece["data"][0]["contents"]["attachment"]["content"])
    assert figure == {"accuracy": 0.643, "ci95": [0.588, 0.695], "images": 300}


def test_several_models_are_components_of_one_document_and_a_failure_is_marked(suite: Suite) -> None:
    found = bill(suite)
    models = [each for each in found["components"] if each["type"] == "machine-learning-model"]
    assert [model["name"] for model in models] == ["digits_bnn_waq.onnx", "ref_adversarial.onnx", "broken.onnx"]
    assert models[2]["description"].startswith("NOT AUDITED: broken.onnx: it is not an ONNX file")
    assert "modelCard" not in models[2]
    assert [claim["target"] for claim in found["declarations"]["claims"]] == ["model-1", "model-2"]


def test_a_failure_alone_is_marked_and_makes_no_claim(failure: Failure) -> None:
    found = bill(failure)
    assert found["components"][0]["description"].startswith("NOT AUDITED")
    assert "declarations" not in found


def test_threats_of_one_model_share_its_component(honest: Report) -> None:
    under_l2 = replace(honest, threat=Threat(Norm.L2, 0.5))
    found = bill(Suite(honest.provenance, (honest, under_l2)))
    assert len([each for each in found["components"] if each["type"] == "machine-learning-model"]) == 1
    metrics = found["components"][0]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert [metric["type"] for metric in metrics].count("accuracy") == 1
    assert [metric["slice"] for metric in metrics][-1] == "L2 0.5, 300 images"
    assert len(found["declarations"]["claims"]) == 2


def test_the_serial_number_is_that_of_the_content(fake: Report, honest: Report) -> None:
    serial = bill(fake)["serialNumber"]
    assert bill(fake)["serialNumber"] == serial
    assert bill(honest)["serialNumber"] != serial
    assert bill(fake)["metadata"]["timestamp"] == fake.provenance.created


def test_hostile_and_long_names_are_cut_and_carry_no_control_codes(fake: Report) -> None:
    text = write_cyclonedx(with_names(fake, LONG), PAGE)
    assert VALIDATOR.validate_str(text) is None
    assert len(text) < 100_000
    assert text.isascii()
    assert not re.search(r"(?<!\\)\\u(00[01]|202e)", text)  # a sign itself, not its escape shown as text
