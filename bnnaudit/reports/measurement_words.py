"""The numbers that findings rest on, in the words that all texts for people share."""

from __future__ import annotations

import math

from bnnaudit.core.finding import Measurement
from bnnaudit.reports.numbers import MISSING, count, percent, percent_number, significant


def measurement_words(measurement: Measurement) -> tuple[str, str, str]:
    """Name, value with its interval (`58.2 % [52.5, 63.7]`), and sample size, a dash where there is none."""
    return (
        measurement.name.replace("_", " "),
        _value(measurement),
        MISSING if measurement.n is None else count(measurement.n),
    )


def _value(measurement: Measurement) -> str:
    share = measurement.unit.startswith("fraction")
    number = percent_number if share else significant
    unit = f" {measurement.unit}" if measurement.unit and math.isfinite(measurement.value) else ""
    value = percent(measurement.value) if share else f"{significant(measurement.value)}{unit}"
    # What is left after all attacks is an upper bound, wherever it is printed.
    bound = "at most " if measurement.name.replace("_", " ").startswith("verified accuracy") else ""
    if measurement.low is None or measurement.high is None:
        return f"{bound}{value}"
    return f"{bound}{value} [{number(measurement.low)}, {number(measurement.high)}]"
