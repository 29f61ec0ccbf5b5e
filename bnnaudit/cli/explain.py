"""`bnnaudit explain CODE`: a rule in full, from the module that implements it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bnnaudit.cli import options
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.delivery import write
from bnnaudit.cli.paths import refuse_overwriting
from bnnaudit.cli.streams import deliver
from bnnaudit.cli.values import Name, filled
from bnnaudit.core.errors import UsageError, did_you_mean
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.finding import Rule
from bnnaudit.reports.formats import ReportFormat

if TYPE_CHECKING:
    from bnnaudit.reports.documents import Document


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
    schema: Name | None = option(
        "Print a JSON Schema: settings, that editors complete bnnaudit.toml and cards by, report, or one of the others."
    )
    sources: bool = option("List the publications that texts cite.", flags="--sources", value=False)


@command("bnnaudit explain FR301", "bnnaudit explain --schema settings --output bnnaudit-settings-1.json")
def explain(*, code: RuleCode = None, lists: ListOptions, output: options.Document) -> int:
    """Explain rule CODE (such as FR301): what it means, how it is measured, its threshold, and what to do."""
    if [code is not None, lists.everything, lists.efforts, lists.sources, lists.schema is not None].count(True) > 1:
        raise UsageError("explain: give only one of a rule's code, --all, --effort, --sources and --schema")
    refuse_overwriting({}, [("output", output.output)])
    if lists.schema is not None:
        return show_schema(lists.schema, output)
    return write(wanted(code, lists), output)


def wanted(code: str | None, lists: ListOptions) -> Document:
    """What is to be explained; raises UsageError where that is nothing."""
    if lists.efforts:
        from bnnaudit.auditing.plan import check_costs
        from bnnaudit.reports.documents import CheckCost, EffortTable

        return EffortTable(tuple(CheckCost(*entry) for entry in check_costs()))
    if lists.sources:
        from bnnaudit.core.sources import SOURCES
        from bnnaudit.reports.documents import Bibliography

        return Bibliography(tuple(SOURCES.values()))
    if lists.everything:
        from bnnaudit.reports.documents import Catalogue
        from bnnaudit.rules.table import RULES

        return Catalogue(tuple(RULES.values()))
    if code is None:
        raise UsageError("explain: give a rule's code (such as FR301), --all, --effort, --sources or --schema")
    return find(filled(code, "explain: the code"))


def show_schema(name: str, output: options.Document) -> int:
    """Writes the JSON Schema of that name; UsageError where there is none, or another format is asked for."""
    from bnnaudit.config.schema import SETTINGS, settings_schema_text
    from bnnaudit.evidence.schema import evidence_schemas
    from bnnaudit.reports.json.schema import report_schemas

    texts = {schema_name(SETTINGS): settings_schema_text}
    texts |= {schema_name(file): read for file, read in {**report_schemas(), **evidence_schemas()}.items()}
    if name not in texts:
        raise UsageError(f"explain: no schema {name!r}{did_you_mean(name, texts)}; there are {', '.join(texts)}")
    if output.format is ReportFormat.TERMINAL:
        raise UsageError("explain: a schema is JSON; leave out --format terminal")
    deliver(texts[name](), output.output)
    return ExitCode.PASSED


def schema_name(file: str) -> str:
    """`bnnaudit-report-1.json` -> `report`."""
    return file.removeprefix("bnnaudit-").rpartition("-")[0]


def find(code: str) -> Rule:
    """The rule of that code or name; raises UsageError with the nearest one."""
    from bnnaudit.rules.table import RULES

    named = {rule.name: rule for rule in RULES.values()}
    rule = RULES.get(code.upper()) or named.get(code.lower())
    if rule is None:
        raise UsageError(f"explain: no rule {code!r}{did_you_mean(code, [*RULES, *named])}; --all shows every rule")
    return rule
