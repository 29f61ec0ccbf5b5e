"""The gate's decision from the JSON of a report."""

from bnnaudit.core.errors import ReportError
from bnnaudit.core.gate import Gate
from bnnaudit.reports.json.parsing.node import Node, fields_of


def read_gate(node: Node) -> Gate:
    """The inverse of `gate_to_json`; raises ReportError where the outcome is not that of the criteria."""
    gate = Gate(**fields_of(Gate, node))
    require_same(node["outcome"], gate.outcome, "its criteria")
    return gate


def require_same(node: Node, follows: object, of: str) -> None:
    """Raises ReportError unless the document says what follows from the rest of it."""
    if type(node.value) not in (str, bool, int) or node.value != follows:
        raise ReportError(f"{node.place} contradicts {of}")
