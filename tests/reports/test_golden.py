"""Whole files as they were last read by a person and found right.

After a change that is meant, write them anew with `BNNAUDIT_WRITE_GOLDEN=1`, read the difference, and commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bnnaudit.core.comparison import Comparison
from bnnaudit.core.history import History
from bnnaudit.core.reproduction import Reproduction
from bnnaudit.reports.documents import Audited
from bnnaudit.reports.formats import ReportFormat, format_of, render
from bnnaudit.reports.json.reading import round_trip
from bnnaudit.reports.page import Page

FILES = sorted((Path(__file__).parent / "golden").iterdir())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_as_it_was(
    path: Path,
    runs: dict[str, Audited],
    over_releases: dict[str, Comparison | History],
    reproduced: dict[str, Reproduction],
) -> None:
    format, name = format_of(path), path.name.partition(".")[0]
    assert format is not None
    others = {**over_releases, **reproduced}
    document = others[name] if name in others else round_trip(runs[name])
    written = render(document, format, Page(80)).encode()
    if os.environ.get("BNNAUDIT_WRITE_GOLDEN"):
        path.write_bytes(written)
    assert written == path.read_bytes()


@pytest.mark.parametrize("format", list(ReportFormat))
def test_there_is_a_file_of_each_format(format: ReportFormat) -> None:
    assert any(format_of(path) is format for path in FILES)
