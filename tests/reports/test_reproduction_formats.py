"""The formats that write the paper's tables: these, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bnnaudit.core.errors import UsageError
from bnnaudit.core.reproduction import Network, TableName, UnableModel
from bnnaudit.reports.formats import WRITE_REPRODUCTIONS, ReportFormat, render
from bnnaudit.reports.html.room import LARGEST_PAGE
from bnnaudit.reports.json.reading import read_any
from bnnaudit.reports.json.writer import write_json
from bnnaudit.reports.page import Page
from tests.reports.hostile import EVERYTHING, LONG, WORDS
from tests.reports.reproductions import reproduction


@pytest.mark.parametrize("format", list(ReportFormat))
def test_a_format_writes_them_or_refuses_them_by_its_name(format: ReportFormat) -> None:
    if format in WRITE_REPRODUCTIONS:
        assert render(reproduction(), format, Page(80)).endswith("\n")
    else:
        with pytest.raises(UsageError, match=str(format)):
            render(reproduction(), format, Page(80))


@pytest.mark.parametrize("name", [*WORDS, EVERYTHING, LONG], ids=lambda name: repr(name)[:20])
def test_hostile_names_harm_nothing(name: str) -> None:
    found = reproduction(TableName.TABLE8, TableName.FIGURE4)
    network = Network(name, name, name, name, width=3)
    tables = tuple(
        replace(table, models=tuple(replace(model, path=name, source=name, network=network) for model in table.models))
        for table in found.tables
    )
    made = replace(found, tables=tables, unable=(UnableModel(name, name),))
    stored = read_any(write_json(made, Page()), "it")
    for format in WRITE_REPRODUCTIONS:
        text = render(stored, format, Page(80))
        assert "\x1b" not in text
        assert "\u202e" not in text or format is ReportFormat.JSON
        if format is ReportFormat.HTML:
            assert len(text.encode()) <= LARGEST_PAGE
        if format is ReportFormat.TERMINAL:
            assert max(map(len, text.splitlines())) <= 80
        if format is not ReportFormat.JSON:
            assert len(text) < 2_000_000
