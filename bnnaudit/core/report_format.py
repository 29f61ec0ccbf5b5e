"""What a report can be written as. What writes it is in `reports/`."""

from enum import StrEnum


class ReportFormat(StrEnum):
    """A format; `reports/table.py` holds the writer of each."""

    TERMINAL = "terminal"
    JSON = "json"
