"""The gate's decision as JSON."""

from bnnaudit.core.gate import Gate
from bnnaudit.reports.json.parts import JsonObject, record


def gate_to_json(gate: Gate) -> JsonObject:
    """The outcome, what was asked, the answer to each, and the waivers that accepted nothing."""
    return record(gate, "outcome", "policy", "criteria", "idle")
