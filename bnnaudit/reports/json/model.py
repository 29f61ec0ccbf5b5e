"""The JSON of a model's facts: in part in every document of a run, in full that of `inspect`."""

from bnnaudit.core.facts import GradientFacts, ModelFacts
from bnnaudit.core.scores import ScoreFacts
from bnnaudit.reports.json.parts import JsonObject, record


def model_to_json(facts: ModelFacts) -> JsonObject:
    """What every document of a run says of its model."""
    return {
        **record(facts, "path", "sha256", "format", "num_classes", "input_shape", "layout", "channels"),
        "input_range": [facts.box.low, facts.box.high],
        **record(facts, "mean", "std"),
        "input_type": "float" if facts.grid is None else facts.grid.kind,
        "bits": {
            "weights": facts.weight_bits,
            "activations": facts.activation_bits,
            **record(facts, "weight_layers", "activation_layers"),
        },
        **record(facts, "nondifferentiable"),
        "gradient": _gradient_to_json(facts.gradients),
        **record(facts, "parameters", "output", "fixed_batch", "runtime"),
        "single": facts.single or None,
        "scores": None if facts.scores is None else _scores(facts.scores),
    }


def facts_to_json(facts: ModelFacts) -> JsonObject:
    """All facts: `model` of bnnaudit-report/1 with operators, the non-differentiable steps one by one, and metadata."""
    return {
        **model_to_json(facts),
        **record(facts, "grid", "unknown_steps", "operators", "quantizers"),
        "metadata": dict(facts.metadata),
    }


def _scores(scores: ScoreFacts) -> JsonObject:
    return {
        **record(scores, "tensor", "operator", "tail", "why", "points"),
        "tied_points": scores.tied,
        **record(scores, "rejected", "scale", "logarithm", "levels", "single"),
    }


def _gradient_to_json(seen: GradientFacts) -> JsonObject:
    """How the copy that is attacked got its gradient."""
    return {
        "source": str(seen.source),
        "steps_known": seen.complete,
        **record(seen, "cuts", "dead_as_written", "dead"),
        "ends_at": list(seen.unseen),
        "why": seen.why,
    }
