"""What every command that opens a model does: settle the settings, open model and data, run, write the report."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bnnaudit.cli import options
from bnnaudit.cli.attack_settings import attack_settings, refuse_unused
from bnnaudit.cli.command import Options, as_tables, said
from bnnaudit.cli.streams import deliver, page_for, waiting
from bnnaudit.core.attack import AttackSettings, Method
from bnnaudit.core.provenance import Provenance

if TYPE_CHECKING:
    from bnnaudit.audit.open import Opened
    from bnnaudit.audit.prepare import Prepared
    from bnnaudit.cli.progress import ProgressBar
    from bnnaudit.config.settings import Settings
    from bnnaudit.reports.documents import Document


def settle(model: Path, network: options.Network, *groups: Options) -> Settings:
    """The settings that hold for a model: the options over its card and the project's file; nothing heavy is imported."""
    from bnnaudit.config.card import parse_settings, settings_for

    return settings_for(model, parse_settings(as_tables(network, *groups), "command line"), Path.cwd(), network.card)


def settle_attack(
    method: str | None, settings: Settings, attack: options.Attack, **others: object
) -> tuple[str, AttackSettings]:
    """The name of the method and its settings; raises UsageError for what the method has no use for."""
    table = settings.attack
    name = method or str(table.method or Method.PGD)
    refuse_unused(name, {**said(attack), **others})
    given = table.chosen("steps", "step_size", "restarts", "loss", "targets", "queries", "budget")
    of_no_card = {key: getattr(attack, key) for key in ("curvature", "error_signal")}
    return name, attack_settings(name, table.beta, table.surrogate, **given, **of_no_card)


def open_model(model: Path, settings: Settings, output: options.Output) -> Opened:
    """Opens model and data; raises an AuditError that names whichever cannot be used."""
    with waiting("loading", output.quiet):
        from bnnaudit.audit.open import open_model_and_data

        return open_model_and_data(model, settings)


@contextmanager
def running(opened: Opened, output: options.Output, task: str, units: int | None = None) -> Iterator[ProgressBar]:
    """Computes with the threads of the settings, and shows how far it is."""
    from bnnaudit.cli.progress import progress_bar
    from bnnaudit.numerics.threads import working_threads

    with progress_bar(output.quiet) as progress, working_threads(opened.threads.count):
        progress.task(task)
        if units is not None:
            progress.plan(units)
        yield progress


def prepare_opened(opened: Opened) -> Prepared:
    """The model put to its images without attack."""
    from bnnaudit.audit.prepare import prepare

    return prepare(opened.target, opened.sample, opened.seed, opened.batch_size, opened.threads)


def provenance() -> Provenance:
    """This version, now, and the command line as it was typed."""
    return Provenance.now(shlex.join(["bnnaudit", *sys.argv[1:]]))


def write(document: Document, output: options.Document, *, verbose: bool = False) -> None:
    """Writes what was found in the format that was asked for, for the stream that it goes to."""
    from bnnaudit.reports.formats import render

    deliver(render(document, output.format, page_for(output.output, verbose)), output.output)
