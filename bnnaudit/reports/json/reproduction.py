"""The JSON of `reproduce`: bnnaudit-reproduction/2, described by `schema/bnnaudit-reproduction-2.json`."""

from bnnaudit.core.reproduction import SCHEMA, ReproducedModel, ReproducedRow, ReproducedTable, Reproduction, Unit
from bnnaudit.reports.json.parts import JsonObject, head, plain, record


def reproduction_to_json(found: Reproduction) -> JsonObject:
    """Accuracies are fractions, the paper's figures text as it prints them, in the unit of the table."""
    return {
        **head(SCHEMA, found.provenance),
        **record(found, "source", "environment"),
        "tables": [_table(table) for table in found.tables],
        **record(found, "unable", "seconds"),
    }


def _table(table: ReproducedTable) -> JsonObject:
    return {**record(table), "models": [_model(model, table.unit) for model in table.models]}


def _model(model: ReproducedModel, unit: Unit) -> JsonObject:
    return {**record(model), "rows": [_row(row, unit) for row in model.rows]}


def _row(row: ReproducedRow, unit: Unit) -> JsonObject:
    return {**record(row), "difference": plain(row.difference(unit))}
