"""Runs the tables and figures of the paper on the available models, each model in turn."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bnnaudit.cli import options
from bnnaudit.cli.models_at_hand import AtHand, ModelsAtHand
from bnnaudit.cli.session import open_model, provenance
from bnnaudit.core.errors import AuditError, UsageError, one_line
from bnnaudit.core.reproduction import ReproducedModel, Reproduction, TableName, UnableModel

if TYPE_CHECKING:
    from bnnaudit.auditing.open import Opened
    from bnnaudit.cli.progress import Shown
    from bnnaudit.core.report import Environment
    from bnnaudit.experiments.model_run import ModelRun


@dataclass(slots=True)
class Results:
    """The results so far: the models' rows by table, what could not be run, and the environment of the computation."""

    rows: dict[TableName, list[ReproducedModel]]
    unable: list[UnableModel]
    environment: Environment | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be run, and how. radii: those of --eps, in units of the [0,1] image."""

    names: tuple[TableName, ...]
    radii: tuple[float, ...]
    restarts: int


def run_on(asked: Asked, models: ModelsAtHand, output: options.Output) -> Reproduction:
    """All that is asked for, model by model; raises UsageError where no model belongs to it, or none can be run."""
    from bnnaudit.cli.progress import progress_bar
    from bnnaudit.experiments.assembling import assembled
    from bnnaudit.experiments.paper import paper

    started = time.perf_counter()
    work = [(model, tables) for model in models.models if (tables := _tables_for(model, asked.names))]
    if not work:
        raise UsageError(_nothing(asked, models))
    results = Results({name: [] for name in asked.names}, list(models.unable))
    with progress_bar(output.quiet) as progress:
        for model, tables in work:
            progress.begin(model.path.name)
            with _skipping(model, results):
                opened = open_model(model.path, model.settings, output)
                _run_model(opened, model, models, tables, asked, results, progress)
    if results.environment is None:
        first = results.unable[0]
        raise UsageError(f"models: none of {len(results.unable)} can be run: {first.path}: {first.why}")
    made = tuple(assembled(name, results.rows[name], asked.restarts) for name in asked.names)
    seconds = time.perf_counter() - started
    return Reproduction(provenance(), paper().source, results.environment, made, tuple(results.unable), seconds)


@contextmanager
def _skipping(model: AtHand, results: Results, table: str = "") -> Iterator[None]:
    """A model of a folder that cannot be run, or one table of it, is listed and passed over; one that was named is an error."""
    try:
        yield
    except AuditError as error:
        if model.named and not table:
            raise
        path = f"{model.path} ({table})" if table else str(model.path)
        results.unable.append(UnableModel(path, one_line(error)))


def _run_model(
    opened: Opened,
    model: AtHand,
    models: ModelsAtHand,
    tables: Sequence[TableName],
    asked: Asked,
    results: Results,
    progress: Shown,
) -> None:
    """The tables of one model."""
    from bnnaudit.auditing.report import describe_environment
    from bnnaudit.experiments.run import planned_units, reproduce_on
    from bnnaudit.numerics.threads import working_threads

    with working_threads(opened.threads.count):
        run = _model_run(opened, model, models, asked, progress, TableName.FIGURE1 in tables)
        progress.plan(planned_units(tables, run))
        for name in tables:
            progress.task(name.shown)
            with _skipping(model, results, name.shown if len(asked.names) > 1 else ""):
                results.rows[name].append(reproduce_on(name, run))
    results.environment = describe_environment(opened.target.device, opened.threads)


def _nothing(asked: Asked, models: ModelsAtHand) -> str:
    from bnnaudit.experiments.paper import paper

    table = asked.names[0].shown if len(asked.names) == 1 else "any table or figure"
    wanted = dict.fromkeys(str(each.network) for name in asked.names for each in paper().tables[name].networks)
    about = f", which is about {'; '.join(wanted)}" if len(asked.names) == 1 else ""
    why = "".join(f"; {each.path}: {each.why}" for each in models.unable[:1])
    return f"models: no available network belongs to {table}{about}; name one with --model{why}"


def _tables_for(model: AtHand, names: Sequence[TableName]) -> tuple[TableName, ...]:
    """The tables that a model belongs to; for one that was named all where it belongs to none."""
    from bnnaudit.experiments.networks import belongs
    from bnnaudit.experiments.paper import paper

    fitting = tuple(name for name in names if belongs(model.network, paper().tables[name]))
    return fitting or (tuple(names) if model.named else ())


def _model_run(
    opened: Opened, model: AtHand, models: ModelsAtHand, asked: Asked, progress: Shown, transferred: bool
) -> ModelRun:
    """A model with its float twin, where adversarial images are transferred and there is one."""
    from bnnaudit.auditing.open import substitute_maker
    from bnnaudit.auditing.prepare import prepare, with_substitute
    from bnnaudit.experiments.model_run import NO_TWIN, ModelRun
    from bnnaudit.experiments.networks import float_twin
    from bnnaudit.experiments.plan import Setup
    from bnnaudit.experiments.sizes import attack_sizes

    prepared = prepare(opened.target, opened.sample, opened.seed, opened.batch_size, opened.threads)
    threat, numbers = opened.threat, opened.sample.images[0].numel()
    sizes = attack_sizes(model.network.data, threat.norm, threat.eps, numbers, given=bool(asked.radii))
    quantized = bool(opened.target.facts.quantizers)
    setup = Setup(sizes, threat, asked.restarts, quantized, asked.radii)
    place = float_twin(model.network, [other.network for other in models.models])
    path = opened.settings.substitute.model or (None if place is None else models.models[place].path)
    twin, without = "", NO_TWIN
    if transferred and path is not None and path != model.path:
        own = opened.settings.substitute.model_copy(update={"model": path})
        try:
            maker = substitute_maker(replace(opened, settings=opened.settings.model_copy(update={"substitute": own})))
            prepared, twin = replace(prepared, inputs=with_substitute(prepared.inputs, maker)), str(path)
        except AuditError as error:
            without = one_line(error)
    return ModelRun(prepared, model.network, setup, progress, twin, without)
