"""The paper's tables and figures made again, as rows of one table: a line for each figure of each network."""

from __future__ import annotations

from collections.abc import Iterator

from bnnaudit.core.reproduction import (
    MissingNetwork,
    Network,
    ReproducedModel,
    ReproducedRow,
    ReproducedTable,
    Reproduction,
    Unit,
)

ATTACK = ("method", "loss", "beta", "surrogate", "norm", "eps", "steps", "step_size", "restarts", "queries", "source")
REPRODUCTION_COLUMNS = (
    "table",
    "model",
    "model_sha256",
    "architecture",
    "data",
    "kind",
    "binarizer",
    "adversarial",
    "width",
    "samples",
    "key",
    "name",
    "series",
    "x",
    "unit",
    "value",
    "low",
    "high",
    "paper",
    "difference",
    "paper_network",
    "seconds",
    *ATTACK,
    "note",
)
"""The header. value, low, high: in the unit, so that accuracies are in percent as the paper's are. A network of the paper without
a model here has lines with its figures alone."""

Cell = str | int | float | bool | None


def reproduction_rows(found: Reproduction) -> Iterator[dict[str, Cell]]:
    """A line for each figure, then one for each model that could not be run."""
    for table in found.tables:
        for model in table.models:
            for row in model.rows:
                yield {**_of_model(table, model), **_figure(row, table.unit)}
        for missing in table.missing:
            yield from _missing(table, missing)
    for one in found.unable:
        yield {"model": one.path, "note": f"not run: {one.why}"}


def _of_model(table: ReproducedTable, model: ReproducedModel) -> dict[str, Cell]:
    return {
        "table": str(table.name),
        "model": model.path,
        "model_sha256": model.sha256,
        **_network(model.network),
        "samples": model.samples,
        "paper_network": "" if model.against is None else str(model.against),
    }


def _network(network: Network) -> dict[str, Cell]:
    return {
        "architecture": network.architecture,
        "data": network.data,
        "kind": network.kind,
        "binarizer": network.binarizer,
        "adversarial": network.adversarial,
        "width": network.width,
    }


def _figure(row: ReproducedRow, unit: Unit) -> dict[str, Cell]:
    scale = 100 if unit is Unit.PERCENT else 1
    cell, attack = row.cell, row.attack
    return {
        "key": row.key,
        "name": row.name,
        "series": row.series,
        "x": row.x,
        "unit": str(unit),
        "value": None if row.value is None else scale * row.value,
        "low": None if cell is None else scale * cell.low,
        "high": None if cell is None else scale * cell.high,
        "paper": float(row.paper) if row.paper else None,
        "difference": row.difference(unit),
        "seconds": row.seconds,
        **({} if attack is None else {name: getattr(attack, name) for name in ATTACK}),
        "note": row.unable,
    }


def _missing(table: ReproducedTable, missing: MissingNetwork) -> Iterator[dict[str, Cell]]:
    for figure in missing.figures:
        yield {
            "table": str(table.name),
            **_network(missing.network),
            "key": figure.key,
            "name": figure.name,
            "unit": str(table.unit),
            "paper": float(figure.paper),
            "paper_network": str(missing.network),
            "note": "no such network here",
        }
