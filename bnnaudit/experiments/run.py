"""Makes tables and figures of [Gupta & Ajanthan 2022] again on one model, each success replayed on the deployed model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.reproduction import Network, ReproducedModel, ReproducedRow, TableName
from bnnaudit.experiments.claims import claims_of
from bnnaudit.experiments.found import Found, share_of
from bnnaudit.experiments.measured import MEASURES, images_of, measured
from bnnaudit.experiments.model_run import ModelRun
from bnnaudit.experiments.networks import corresponds, counterpart, nearest, unlike
from bnnaudit.experiments.paper import PaperTable, paper
from bnnaudit.experiments.plan import PlannedRow, attack_facts, attack_rows
from bnnaudit.experiments.row_names import CLEAN, row_name


def planned_units(names: Sequence[TableName], run: ModelRun) -> int:
    """Units of progress of all these tables on one model; what several of them share counts once."""
    tables = [paper().tables[name] for name in names]
    trials = {row.trial for table in tables for row in attack_rows(table, run.setup)}
    return run.units(trials) + images_of(run) * sum(name in MEASURES for name in names)


def reproduce_on(name: TableName, run: ModelRun) -> ReproducedModel:
    """The rows of one table on one model, and which of the paper's claims they bear out."""
    table = paper().tables[name]
    found = measured(table, run) if name in MEASURES else _attacked(table, run)
    facts, sample = run.prepared.target.facts, run.prepared.sample.facts
    against = counterpart(run.network, table)
    rows = tuple(replace(row, paper=_paper(table, run.network, row.key)) for row in found.rows)
    return ReproducedModel(
        path=facts.path,
        sha256=facts.sha256,
        network=run.network,
        source=sample.source,
        data_sha256=sample.sha256,
        samples=sample.samples,
        clean=share_of(run.clean),
        threats=run.setup.sizes.words({row.attack.norm for row in rows if row.attack is not None}),
        against=None if against is None else against.network,
        unlike=() if against is None else unlike(run.network, against.network),
        nearest=None if against is not None else nearest(run.network, table),
        rows=rows,
        claims=claims_of(name, run.network, Found(rows, found.values)),
        marks=found.marks,
    )


def _paper(table: PaperTable, network: Network, key: str) -> str:
    """The paper's figure for a row: of the table itself, else, where the row is there for comparison, of another one."""
    others = [other for other in paper().tables.values() if other is not table and other.unit is table.unit]
    for place in (table, *others) if key not in table.rows else (table,):
        found = next((each for each in place.networks if corresponds(network, each.network)), None)
        if found is not None and key in found.figures:
            return found.figures[key]
    return ""


def _attacked(table: PaperTable, run: ModelRun) -> Found:
    planned = attack_rows(table, run.setup)
    rows = {row.key: _row(row, run) for row in planned}
    values = {row.key: run.left(row.trial, row.name).standing(row.after) for row in planned}
    first = [_clean(table, run)] if CLEAN in table.rows else []
    return Found((*first, *rows.values()), {key: left for key, left in values.items() if left is not None})


def _clean(table: PaperTable, run: ModelRun) -> ReproducedRow:
    return ReproducedRow(CLEAN, row_name(table.name, CLEAN), cell=share_of(run.clean))


def _row(planned: PlannedRow, run: ModelRun) -> ReproducedRow:
    left = run.left(planned.trial, planned.name)
    standing = left.standing(planned.after)
    cell: Estimate | None = None if standing is None else share_of(standing)
    return ReproducedRow(
        key=planned.key,
        name=planned.name,
        cell=cell,
        panel=planned.panel,
        series=planned.series,
        x=planned.x,
        at=planned.at,
        attack=attack_facts(planned.trial),
        seconds=None if left.result is None else left.result.seconds,
        unable=left.unable,
    )
