"""What a model file holds: the text and the JSON of `inspect`."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.facts import ModelFacts, QuantizerFact
from bnnaudit.reports.json.model import model_to_json, operator_to_json
from bnnaudit.reports.json.strict import JsonValue
from bnnaudit.reports.numbers import bits, count, plural, significant
from bnnaudit.reports.terminal.model_lines import (
    file_line,
    gradient_line,
    input_line,
    output_line,
    precision_line,
    steps_line,
)
from bnnaudit.reports.terminal.style import Look, choose_look, draw
from bnnaudit.reports.terminal.typesetting import heading, indented, labelled

_SHOWN = 12
_LONGEST_VALUE = 240


def render_facts(
    facts: ModelFacts, *, width: int | None = None, color: bool = False, ascii: bool = False, verbose: bool = False
) -> str:
    """The facts as text; without `verbose` 12 non-differentiable steps are named, and long metadata is cut."""
    look = choose_look(width, color, ascii)
    return draw(
        [
            *_overview(facts, look),
            *_operators(facts, look),
            *_steps(facts, look, verbose),
            *_metadata(facts, look, verbose),
        ],
        look,
    )


def facts_to_json(facts: ModelFacts) -> dict[str, JsonValue]:
    """`model` of the audit's report, with operators, the non-differentiable steps one by one, and metadata."""
    return {
        **model_to_json(facts),
        "operators": [operator_to_json(entry) for entry in facts.operators],
        "quantizers": [
            {"name": step.name, "op": step.op, "bits": step.bits, "low": step.low, "high": step.high}
            for step in facts.quantizers
        ],
        "metadata": dict(facts.metadata),
    }


def _overview(facts: ModelFacts, look: Look) -> Sequence[RenderableType]:
    gradient = gradient_line(facts, look)
    rows = [
        ("Format", file_line(facts, look)),
        ("Precision", precision_line(facts, look)),
        ("", steps_line(facts, look)),
        *([("Gradient", gradient)] if gradient is not None else []),
        ("Input", input_line(facts, look)),
        ("Output", output_line(facts, look)),
    ]
    if facts.runtime:
        rows.append(("Deployed on", look.text(facts.runtime)))
    rows.append(("SHA-256", look.text(facts.sha256)))
    return [look.text(facts.path, "bold"), Text(""), labelled(rows)]


def _operators(facts: ModelFacts, look: Look) -> Sequence[RenderableType]:
    if not facts.operators:
        return []
    ordered = sorted(facts.operators, key=lambda entry: (-entry.count, entry.op))
    words = Text("   ").join(
        Text.assemble(look.text(entry.op), look.text(f" x {entry.count}", "dim")) for entry in ordered
    )
    total = sum(entry.count for entry in ordered)
    return [heading(f"Operators: {total} of {plural(len(ordered), 'kind')}", look), indented(words)]


def _steps(facts: ModelFacts, look: Look, verbose: bool) -> Sequence[RenderableType]:
    if not facts.quantizers:
        return []
    shown = facts.quantizers if verbose else facts.quantizers[:_SHOWN]
    rows: list[tuple[str, RenderableType]] = [
        (look.text(step.op).plain, look.text(step.name + _precision(step))) for step in shown
    ]
    hidden = len(facts.quantizers) - len(shown)
    if hidden:
        rows.append(("", look.text(f"and {hidden} more; --verbose names them", "dim")))
    return [heading("Non-differentiable steps", look), labelled(rows)]


def _precision(step: QuantizerFact) -> str:
    """`  (8 bits, -1 to 0.992)`, as far as it is known."""
    words = [bits(step.bits)] if step.bits else []
    if step.low is not None and step.high is not None:
        words.append(f"{significant(step.low, 4)} to {significant(step.high, 4)}")
    return f"  ({', '.join(words)})" if words else ""


def _metadata(facts: ModelFacts, look: Look, verbose: bool) -> Sequence[RenderableType]:
    if not facts.metadata:
        return []
    longest = None if verbose else _LONGEST_VALUE
    rows = [(look.text(name).plain, look.text(_shortened(value, longest))) for name, value in facts.metadata]
    return [heading("Metadata", look), labelled(rows)]


def _shortened(value: str, longest: int | None) -> str:
    if longest is None or len(value) <= longest:
        return value
    return f"{value[:longest]}... ({count(len(value))} characters; --verbose shows them)"
