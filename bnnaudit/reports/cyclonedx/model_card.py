"""The model card of a CycloneDX component: what the network is, how accurate it is, with and without attack, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.facts import FLOAT_BITS, Layout, ModelFacts
from bnnaudit.core.report import Report
from bnnaudit.reports.attack_names import attack_name
from bnnaudit.reports.by_model import LONGEST_MESSAGE
from bnnaudit.reports.json.parts import JsonObject
from bnnaudit.reports.numbers import shape, significant, threat_text
from bnnaudit.reports.safe_text import short

CLEAN, ORDINARY, DECLARED, VERIFIED = (
    "accuracy",
    "accuracy under ordinary attack",
    "accuracy under attack, declared by the model's maker",
    "accuracy under attack, verified (at most)",
)
"""Types of performance metrics; the standard leaves their names open. What is verified is an upper bound of robust accuracy."""


def model_card(reports: Sequence[Report], reference: str, data: str) -> JsonObject:
    """The card of one model from all its reports; `data` refers to the component of the images that it was audited on."""
    first = reports[0]
    limitations = list(dict.fromkeys(limit for report in reports for limit in _limitations(report)))
    card: JsonObject = {
        "bom-ref": reference,
        "modelParameters": {**_parameters(first.model), "datasets": [{"ref": data}]},
        "quantitativeAnalysis": {"performanceMetrics": _metrics(reports)},
        "properties": properties(_facts(first.model) | dict(_conclusions(reports))),
    }
    return {**card, "considerations": {"technicalLimitations": limitations}} if limitations else card


def properties(values: Mapping[str, str]) -> list[JsonObject]:
    """Names and values in the form of CycloneDX, in a namespace of the tool's own."""
    return [{"name": f"bnnaudit:{name}", "value": value} for name, value in values.items()]


def _parameters(facts: ModelFacts) -> JsonObject:
    box = facts.box
    layout = "" if facts.layout is Layout.FLAT else f" {facts.layout}"
    kind = "numbers" if facts.grid is None else short(facts.grid.kind)
    values = f"{kind} from {significant(box.low, 6)} to {significant(box.high, 6)}"
    return {
        "task": "image classification",
        "architectureFamily": _family(facts),
        "inputs": [{"format": f"image, {shape(facts.input_shape)}{layout}, {values}"}],
        "outputs": [{"format": f"{facts.output} of {facts.num_classes} classes"}],
    }


def _family(facts: ModelFacts) -> str:
    """By the fewest bits of its weights and activations, as far as the file says."""
    weights, activations = facts.weight_bits, facts.activation_bits
    if weights == 1:
        steps = " and activations" if activations == 1 else ""
        return f"neural network with binary weights{steps}"
    known = [bits for bits in (weights, activations) if bits is not None]
    if not known:
        return "neural network"
    return (
        f"quantized neural network, {min(known)} bits" if min(known) < FLOAT_BITS else "floating-point neural network"
    )


def _facts(facts: ModelFacts) -> dict[str, str]:
    known = {
        "format": str(facts.format),
        "parameters": facts.parameters,
        "weight_bits": facts.weight_bits,
        "activation_bits": facts.activation_bits,
        "non_differentiable_steps": len(facts.quantizers),
    }
    return {name: str(value) for name, value in known.items() if value is not None}


def _conclusions(reports: Sequence[Report]) -> Iterator[tuple[str, str]]:
    """What the audit concluded and the gate decided under each threat."""
    for report in reports:
        threat = threat_text(report.threat)
        verdict, gate = report.verdict, report.gate
        yield f"verdict:{threat}", "not judged" if verdict is None else str(verdict.status)
        yield f"gate:{threat}", "not asked" if gate is None else str(gate.outcome)


def _metrics(reports: Sequence[Report]) -> list[JsonObject]:
    """Each once, for threats share the accuracy without attack."""
    metrics: list[JsonObject] = []
    for report in reports:
        metrics += [metric for metric in _measured(report) if metric not in metrics]
    return metrics


def _measured(report: Report) -> Iterator[JsonObject]:
    threat, verdict = threat_text(report.threat), report.verdict
    if report.clean_accuracy is not None:
        yield _metric(CLEAN, "without attack", report.clean_accuracy)
    if verdict is None:
        for row in report.attacks:
            yield _metric(f"accuracy under {attack_name(row.settings)}", threat_text(row.threat), row.accuracy)
        return
    if verdict.declared_accuracy is not None:
        yield {"type": DECLARED, "value": _decimal(verdict.declared_accuracy), "slice": threat}
    if verdict.ordinary_accuracy is not None:
        yield _metric(ORDINARY, threat, verdict.ordinary_accuracy)
    if verdict.verified_accuracy is not None:
        yield _metric(VERIFIED, threat, verdict.verified_accuracy)


def _metric(kind: str, slice: str, estimate: Estimate) -> JsonObject:
    return {
        "type": kind,
        "value": _decimal(estimate.value),
        "slice": f"{slice}, {estimate.n} images",
        "confidenceInterval": {"lowerBound": _decimal(estimate.low), "upperBound": _decimal(estimate.high)},
    }


def _decimal(fraction: float) -> str:
    """A fraction from 0 to 1 with six digits, more than a sample of any size can tell apart."""
    return f"{fraction:.6g}"


def _limitations(report: Report) -> Iterator[str]:
    for finding in report.findings:
        waived = "" if finding.waiver is None else f" (accepted until {finding.waiver.expires.isoformat()})"
        message = short(finding.message, LONGEST_MESSAGE)
        yield f"{finding.rule.code} {finding.rule.name}, {finding.severity}{waived}, {threat_text(report.threat)}: {message}"
