"""`bnnaudit explain CODE`: a rule in full, from the module that implements it."""

from __future__ import annotations

from typing import Annotated

import typer

from bnnaudit.cli import options
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.session import write
from bnnaudit.cli.values import filled
from bnnaudit.core.errors import UsageError, did_you_mean
from bnnaudit.core.finding import Rule


def complete_code(incomplete: str) -> list[tuple[str, str]]:
    """The codes of rules that start so, with their names; in small letters where those are typed, as Typer compares them."""
    from bnnaudit.rules.table import RULES

    cased = str.lower if incomplete.islower() else str.upper
    return [(cased(code), rule.name) for code, rule in RULES.items() if cased(code).startswith(incomplete)]


RuleCode = Annotated[
    str | None,
    typer.Argument(
        help="Code of a rule, or its name.", metavar="CODE", rich_help_panel="Rules", autocompletion=complete_code
    ),
]


class ListOptions(Options, panel="Rules"):
    """What to list instead of a rule."""

    everything: bool = option("Explain every rule.", flags="--all", value=False)
    efforts: bool = option(
        "List which checks each --effort of check runs, and what they cost.", flags="--effort", value=False
    )
    sources: bool = option("List the publications that texts cite.", flags="--sources", value=False)


@command("bnnaudit explain FR301", "bnnaudit explain --all --format json")
def explain(*, code: RuleCode = None, lists: ListOptions, output: options.Document) -> None:
    """Explain rule CODE (such as FR301): what it means, how it is measured, its threshold, and what to do."""
    if [code is not None, lists.everything, lists.efforts, lists.sources].count(True) > 1:
        raise UsageError("explain: give only one of a rule's code, --all, --effort and --sources")
    if lists.efforts:
        from bnnaudit.auditing.plan import check_costs
        from bnnaudit.reports.documents import CheckCost, EffortTable

        write(EffortTable(tuple(CheckCost(*entry) for entry in check_costs())), output)
    elif lists.sources:
        from bnnaudit.core.sources import SOURCES
        from bnnaudit.reports.documents import Bibliography

        write(Bibliography(tuple(SOURCES.values())), output)
    elif lists.everything:
        from bnnaudit.reports.documents import Catalogue
        from bnnaudit.rules.table import RULES

        write(Catalogue(tuple(RULES.values())), output)
    elif code is not None:
        write(find(filled(code, "explain: the code")), output)
    else:
        raise UsageError("explain: give a rule's code (such as FR301), --all, --effort or --sources")


def find(code: str) -> Rule:
    """The rule of that code or name; raises UsageError with the nearest one."""
    from bnnaudit.rules.table import RULES

    named = {rule.name: rule for rule in RULES.values()}
    rule = RULES.get(code.upper()) or named.get(code.lower())
    if rule is None:
        raise UsageError(f"explain: no rule {code!r}{did_you_mean(code, [*RULES, *named])}; --all shows every rule")
    return rule
