"""What a model file holds."""

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.facts import ModelFacts, QuantizerFact
from bnnaudit.reports.model_words import output_line
from bnnaudit.reports.numbers import bits, count, plural, significant
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.terminal.model_lines import model_rows
from bnnaudit.reports.terminal.typesetting import Parts, heading, indented, labelled

_SHOWN = 12
"""Steps that are named unless all are asked for. Not tuned."""
_LONGEST_VALUE = 240
"""Characters of a metadata value that are shown unless all are asked for. Not tuned."""


def inspection_parts(facts: ModelFacts, page: Page) -> Parts:
    """The facts; unless the page is verbose 12 non-differentiable steps are named, and long metadata is cut."""
    return [*_overview(facts, page), *_operators(facts, page), *_steps(facts, page), *_metadata(facts, page)]


def _overview(facts: ModelFacts, page: Page) -> Parts:
    rows = [*model_rows("Format", facts, page), ("Output", page.text(output_line(facts)))]
    if facts.runtime:
        rows.append(("Deployed on", page.text(facts.runtime)))
    rows.append(("SHA-256", page.text(facts.sha256)))
    return [page.text(facts.path, "bold"), Text(""), labelled(rows)]


def _operators(facts: ModelFacts, page: Page) -> Parts:
    if not facts.operators:
        return []
    ordered = sorted(facts.operators, key=lambda entry: (-entry.count, entry.op))
    words = Text("   ").join(
        Text.assemble(page.text(short(entry.op)), page.text(f" x {entry.count}", "dim")) for entry in ordered
    )
    total = sum(entry.count for entry in ordered)
    return [heading(f"Operators: {total}, of {plural(len(ordered), 'kind')}", page), indented(words)]


def _steps(facts: ModelFacts, page: Page) -> Parts:
    if not facts.quantizers:
        return []
    shown = facts.quantizers if page.verbose else facts.quantizers[:_SHOWN]
    rows: list[tuple[str, RenderableType]] = [
        (page.text(short(step.op)).plain, page.text(short(step.name) + _precision(step))) for step in shown
    ]
    hidden = len(facts.quantizers) - len(shown)
    if hidden:
        rows.append(("", page.text(f"and {hidden} more; --verbose names them", "dim")))
    return [heading("Non-differentiable steps", page), labelled(rows)]


def _precision(step: QuantizerFact) -> str:
    """`  (8 bits, -1 to 0.992)`, as far as it is known."""
    words = [bits(step.bits)] if step.bits else []
    if step.low is not None and step.high is not None:
        words.append(f"{significant(step.low, 4)} to {significant(step.high, 4)}")
    return f"  ({', '.join(words)})" if words else ""


def _metadata(facts: ModelFacts, page: Page) -> Parts:
    if not facts.metadata:
        return []
    longest = None if page.verbose else _LONGEST_VALUE
    rows = [(page.text(short(name)).plain, page.text(_shortened(value, longest))) for name, value in facts.metadata]
    return [heading("Metadata", page), labelled(rows)]


def _shortened(value: str, longest: int | None) -> str:
    if longest is None or len(value) <= longest:
        return value
    return f"{value[:longest]}... ({count(len(value))} characters; --verbose shows them)"
