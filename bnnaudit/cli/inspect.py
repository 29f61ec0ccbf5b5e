"""`bnnaudit inspect MODEL`: what the file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bnnaudit.cli import options
from bnnaudit.cli.streams import check_output, deliver_with, waiting


@click.command("inspect", short_help="Show what a model file holds.")
@options.model_argument
@options.model_options
@options.output_options
def command(model: Path, **values: Any) -> int:
    """Show MODEL's format, operators, bits, steps without a gradient, input, classes and metadata. Nothing is attacked."""
    check_output(values["output"])
    with waiting("loading", values["quiet"]):
        from bnnaudit.audit.open import inspect_model
        from bnnaudit.config.card import parse_settings, settings_for
        from bnnaudit.reports.table import json_text
        from bnnaudit.reports.terminal.inspection import facts_to_json, render_facts

        flags = parse_settings(options.nested_flags(values), "command line")
        facts = inspect_model(model, settings_for(model, flags, Path.cwd(), values["card"]))
    if values["format_name"] == "json":
        deliver_with(lambda page: json_text(facts_to_json(facts)), values["output"])
        return 0
    deliver_with(
        lambda page: render_facts(
            facts, width=page.width, color=page.color, ascii=page.ascii, verbose=values["verbose"]
        ),
        values["output"],
    )
    return 0
