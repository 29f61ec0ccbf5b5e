"""What every command that opens a model does: settle the settings, open model and data, run, write the report."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bnnaudit.cli import options
from bnnaudit.cli.attack_settings import attack_settings, refuse_unused
from bnnaudit.cli.command import Options, as_tables, said
from bnnaudit.cli.delivery import files_of
from bnnaudit.cli.paths import refuse_overwriting, working_folder
from bnnaudit.cli.streams import waiting
from bnnaudit.core.attack import AttackSettings, Method
from bnnaudit.core.dataset import require_data, split_address
from bnnaudit.core.errors import UsageError
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.threat import Norm, require_radius
from bnnaudit.reports.formats import ABOUT_ONE_MODEL

if TYPE_CHECKING:
    from bnnaudit.auditing.open import Opened
    from bnnaudit.auditing.prepare import Prepared
    from bnnaudit.cli.progress import Shown
    from bnnaudit.config.settings import Settings


def settle(model: Path, network: options.Network, *groups: Options) -> Settings:
    """The settings that hold for a model: the options over its card and the project's file.

    Raises an AuditError for what is wrong with them before anything heavy is imported.
    """
    from bnnaudit.config.card import parse_settings, settings_for

    flags = parse_settings(as_tables(network, *groups), "command line")
    settings = settings_for(model, flags, working_folder(), network.card)
    refuse_overwriting(_files_read(model, network, settings), files_written(*groups))
    require_formats(*groups)
    return settings


def require_formats(*groups: Options) -> None:
    """Raises UsageError where a file's name stands for a format that the command does not write."""
    for group in groups:
        if isinstance(group, options.Document):
            files_of(group)


def require_one_model(models: Sequence[Path], output: options.Document) -> None:
    """Raises UsageError where a format that holds one model is asked for about several."""
    formats = {file.format for file in files_of(output)} | {output.format}
    refused = [str(format) for format in ABOUT_ONE_MODEL if format in formats]
    if refused and len(models) > 1:
        raise UsageError(
            f"{refused[0]}: it is about one model, not {len(models)}; check each by itself, or write `intoto`"
        )


def _files_read(model: Path, network: options.Network, settings: Settings) -> Mapping[str, Path | None]:
    """The files that a command reads, as messages call them."""
    source = settings.data.source
    address = split_address(source) if source else None
    data = address[0] if address else Path(source) if source else None
    from bnnaudit.config.card import PROJECT_FILE, PYPROJECT

    card = network.card or model.with_suffix(".toml")
    project = {f"the project's {name}": Path(name) for name in (PROJECT_FILE, PYPROJECT)}
    return {
        "the model": model,
        "its card": card,
        "the data": data,
        "the substitute": settings.substitute.model,
        "the baseline": settings.policy.baseline,
        **project,
    }


def files_written(*groups: Options) -> list[tuple[str, Path | None]]:
    """The files that a command writes, each with its option."""
    given = said(*groups)
    single = [(name, given.get(name)) for name in ("output", "save", "plot", "evidence")]
    return [*single, *(("report", file.path) for file in given.get("report") or ())]


def require_runnable(settings: Settings) -> None:
    """Raises an AuditError where images or radius of the settings cannot be, before anything heavy is imported."""
    require_data(settings.data.source)
    require_radius(settings.threat.norm or Norm.LINF, settings.threat.eps or 0)


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
    """Opens model and data; raises an AuditError that names the one that cannot be used."""
    require_runnable(settings)
    with waiting("loading", output.quiet):
        from bnnaudit.auditing.open import open_model_and_data

        return open_model_and_data(model, settings)


@contextmanager
def running(opened: Opened, output: options.Output, task: str, units: int | None = None) -> Iterator[Shown]:
    """Computes with the threads of the settings, and shows the progress."""
    from bnnaudit.cli.progress import progress_bar
    from bnnaudit.numerics.threads import working_threads

    with progress_bar(output.quiet) as progress, working_threads(opened.threads.count):
        progress.task(task)
        if units is not None:
            progress.plan(units)
        yield progress


def prepare_opened(opened: Opened) -> Prepared:
    """The model run on its images without attack."""
    from bnnaudit.auditing.prepare import prepare

    return prepare(opened.target, opened.sample, opened.seed, opened.batch_size, opened.threads)


def provenance() -> Provenance:
    """This version, the current time, and the command line as typed."""
    return Provenance.now(shlex.join(["bnnaudit", *sys.argv[1:]]))
