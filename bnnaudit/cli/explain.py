"""`bnnaudit explain CODE`: a rule in full, from where it is implemented."""

from __future__ import annotations

import difflib
from typing import Annotated

import typer

from bnnaudit.cli.command import Option, Options, command
from bnnaudit.cli.exit_codes import PASSED
from bnnaudit.cli.options import DocumentOptions
from bnnaudit.cli.session import write
from bnnaudit.core.errors import UsageError
from bnnaudit.core.finding import Rule


def complete_code(incomplete: str) -> list[tuple[str, str]]:
    """The codes of rules that start so, with their names."""
    from bnnaudit.rules.table import RULES

    return [(code, rule.name) for code, rule in RULES.items() if code.startswith(incomplete.upper())]


class SubjectOptions(Options, panel="Rules"):
    """What to explain."""

    code: Annotated[
        str | None, typer.Argument(help="Code of a rule, or its name.", metavar="CODE", autocompletion=complete_code)
    ] = None
    everything: Annotated[bool, Option("Explain every rule.", flags="--all")] = False
    efforts: Annotated[
        bool, Option("List which checks each --effort of check runs, and what they cost.", flags="--effort")
    ] = False
    sources: Annotated[bool, Option("List the publications that texts cite.", flags="--sources")] = False

    @property
    def several(self) -> bool:
        """Whether more than one of them is asked for."""
        return [self.code is not None, self.everything, self.efforts, self.sources].count(True) > 1


@command("bnnaudit explain FR301", "bnnaudit explain --all --format json")
def explain(subject: SubjectOptions, output: DocumentOptions) -> int:
    """Explain rule CODE (such as FR301): what it means, how it is measured, its threshold, and what to do."""
    if subject.several:
        raise UsageError("explain: give only one of a rule's code, --all, --effort and --sources")
    if subject.efforts:
        return _explain_efforts(output)
    if subject.sources:
        return _explain_sources(output)
    from bnnaudit.reports.documents import Catalogue
    from bnnaudit.rules.table import RULES

    if not subject.everything and subject.code is None:
        raise UsageError("explain: give a rule's code (such as FR301), --all, --effort or --sources")
    write(Catalogue(tuple(RULES.values())) if subject.code is None else find(subject.code, RULES), output)
    return PASSED


def _explain_sources(output: DocumentOptions) -> int:
    from bnnaudit.core.sources import SOURCES
    from bnnaudit.reports.documents import Bibliography

    write(Bibliography(tuple(SOURCES.values())), output)
    return PASSED


def _explain_efforts(output: DocumentOptions) -> int:
    from bnnaudit.audit.plan import check_costs
    from bnnaudit.reports.documents import CheckCost, EffortTable

    write(EffortTable(tuple(CheckCost(*entry) for entry in check_costs())), output)
    return PASSED


def find(code: str, rules: dict[str, Rule]) -> Rule:
    """The rule of that code or name; raises UsageError with the nearest ones."""
    named = {rule.name: rule for rule in rules.values()}
    rule = rules.get(code.upper()) or named.get(code.lower())
    if rule is None:
        near = difflib.get_close_matches(code.upper(), rules, n=3, cutoff=0.4)
        suggestion = f"did you mean {', '.join(near)}? " if near else ""
        raise UsageError(f"explain: no rule {code!r}; {suggestion}--all shows every rule")
    return rule
