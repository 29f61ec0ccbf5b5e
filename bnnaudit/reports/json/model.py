"""The JSON of a model's facts: in part in every document of a run, in full that of `inspect`."""

from bnnaudit.core.facts import GradientFacts, ModelFacts
from bnnaudit.core.scores import ScoreFacts
from bnnaudit.reports.json.parts import record
from bnnaudit.reports.json.strict import JsonValue


def model_to_json(facts: ModelFacts) -> dict[str, JsonValue]:
    """`model` of bnnaudit-report/1."""
    return {
        "path": facts.path,
        "sha256": facts.sha256,
        "format": str(facts.format),
        "num_classes": facts.num_classes,
        "input_shape": list(facts.input_shape),
        "layout": str(facts.layout),
        "channels": str(facts.channels),
        "input_range": [facts.box.low, facts.box.high],
        "mean": list(facts.mean),
        "std": list(facts.std),
        "input_type": "float" if facts.grid is None else facts.grid.kind,
        "bits": {
            "weights": facts.weight_bits,
            "activations": facts.activation_bits,
            "weight_layers": [record(entry) for entry in facts.weight_layers],
            "activation_layers": [record(entry) for entry in facts.activation_layers],
        },
        "nondifferentiable": [record(entry) for entry in facts.nondifferentiable],
        "gradient": _gradient_to_json(facts.gradients),
        "parameters": facts.parameters,
        "output": str(facts.output),
        "fixed_batch": facts.fixed_batch,
        "runtime": facts.runtime,
        "single": facts.single or None,
        "scores": None if facts.scores is None else _scores(facts.scores),
    }


def facts_to_json(facts: ModelFacts) -> dict[str, JsonValue]:
    """`model` with operators, the non-differentiable steps one by one, and metadata."""
    return {
        **model_to_json(facts),
        "operators": [record(entry) for entry in facts.operators],
        "quantizers": [record(step) for step in facts.quantizers],
        "metadata": dict(facts.metadata),
    }


def _scores(scores: ScoreFacts) -> dict[str, JsonValue]:
    return {
        "tensor": scores.tensor,
        "operator": scores.operator,
        "tail": list(scores.tail),
        "why": scores.why,
        "points": scores.points,
        "tied_points": scores.tied,
        "rejected": list(scores.rejected),
        "scale": scores.scale,
        "logarithm": scores.logarithm,
        "levels": scores.levels,
    }


def _gradient_to_json(seen: GradientFacts) -> dict[str, JsonValue]:
    """How the copy that is attacked got its gradient."""
    return {
        "source": str(seen.source),
        "steps_known": seen.complete,
        "cuts": [record(entry) for entry in seen.cuts],
        "dead_as_written": seen.dead_as_written,
        "dead": seen.dead,
        "ends_at": list(seen.unseen),
        "why": seen.why,
    }
