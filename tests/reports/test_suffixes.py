"""The format of a file by its name."""

from pathlib import Path

import pytest

from bnnaudit.reports.formats import SUFFIXES, ReportFormat, format_of


@pytest.mark.parametrize("format", ReportFormat)
def test_every_format_has_a_suffix(format: ReportFormat) -> None:
    assert format in SUFFIXES.values()


@pytest.mark.parametrize(("suffix", "format"), SUFFIXES.items())
def test_a_suffix_tells_the_format(suffix: str, format: ReportFormat) -> None:
    assert format_of(Path(f"out/model.v2{suffix}")) is format
    assert format_of(Path(f"out/AUDIT{suffix.upper()}")) is format


def test_other_names_tell_nothing() -> None:
    assert format_of(Path("audit")) is None
    assert format_of(Path("audit.doc")) is None
