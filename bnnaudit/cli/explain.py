"""`bnnaudit explain CODE`: a rule in full, from where it is implemented."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from bnnaudit.cli import options
from bnnaudit.cli.streams import deliver_with
from bnnaudit.core.errors import UsageError
from bnnaudit.core.finding import Rule


@click.command("explain", short_help="Explain a rule of the audit.")
@click.argument("code", required=False)
@click.option("--all", "everything", is_flag=True, help="Explain every rule.")
@click.option("--effort", "efforts", is_flag=True, help="Which checks each --effort of check runs, and their cost.")
@click.option("--format", "format_name", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True)
@click.option("--output", "-o", type=options.PATH, help="File to write to instead of stdout.")
def command(code: str | None, everything: bool, efforts: bool, format_name: str, output: Path | None) -> int:
    """Explain rule CODE (such as FR301): what it means, how it is measured, its threshold, and what to do."""
    if efforts:
        return _explain_efforts(code, everything, format_name, output)
    from bnnaudit.reports.table import json_text
    from bnnaudit.reports.terminal.explanation import render_catalogue, render_rule, rule_to_json
    from bnnaudit.rules.table import RULES

    if everything == (code is not None):
        raise UsageError("explain: give one rule's code (such as FR301), or --all")
    rules = list(RULES.values()) if code is None else [find(code, RULES)]
    if format_name == "json":
        documents = [rule_to_json(rule) for rule in rules]
        deliver_with(lambda page: json_text({"rules": documents} if everything else documents[0]), output)
    elif everything:
        deliver_with(lambda page: render_catalogue(rules, width=page.width, color=page.color, ascii=page.ascii), output)
    else:
        deliver_with(lambda page: render_rule(rules[0], width=page.width, color=page.color, ascii=page.ascii), output)
    return 0


def _explain_efforts(code: str | None, everything: bool, format_name: str, output: Path | None) -> int:
    from bnnaudit.audit.plan import check_costs
    from bnnaudit.reports.table import json_text
    from bnnaudit.reports.terminal.effort_table import CheckCost, efforts_to_json, render_efforts

    if everything or code is not None:
        raise UsageError("explain: give one rule's code, --all or --effort")
    costs = [CheckCost(*entry) for entry in check_costs()]
    if format_name == "json":
        deliver_with(lambda page: json_text(efforts_to_json(costs)), output)
    else:
        deliver_with(lambda page: render_efforts(costs, width=page.width, color=page.color, ascii=page.ascii), output)
    return 0


def find(code: str, rules: dict[str, Rule]) -> Rule:
    """The rule of that code or name; raises UsageError with the nearest ones."""
    named = {rule.name: rule for rule in rules.values()}
    rule = rules.get(code.upper()) or named.get(code.lower())
    if rule is None:
        near = difflib.get_close_matches(code.upper(), rules, n=3, cutoff=0.4) or list(rules)
        raise UsageError(f"explain: no rule {code!r}; did you mean {', '.join(near)}? --all shows every rule")
    return rule
