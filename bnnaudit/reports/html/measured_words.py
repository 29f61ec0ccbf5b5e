"""Numbers of tables in words: attacks, the signal at each place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bnnaudit.core.report import SCALINGS, AttackRow, Report, SignalRow, SignalTable
from bnnaudit.core.trial import Source
from bnnaudit.reports.attack_names import attack_name, effort, surrogate_name, temperature_name
from bnnaudit.reports.html.accuracy_chart import position
from bnnaudit.reports.numbers import MISSING, count, duration, interval, percent, significant, threat_text
from bnnaudit.reports.signal_words import SIGNAL_LINES, end_words
from bnnaudit.reports.substitute_words import transferred_from

_ROLES = {
    "remaining": "on the images that ordinary PGD left",
    "verification": "verification, on what all other attacks left",
}


@dataclass(frozen=True, slots=True)
class AttackLine:
    """One attack. low, value, high: its accuracy and interval on a scale from 0 to 100."""

    name: str
    remark: str
    temperature: str
    surrogate: str
    steps: str
    threat: str
    accuracy: str
    interval: str
    low: float
    value: float
    high: float
    sessions: str
    as_8bit: str
    replay: str
    seconds: str


def attack_line(row: AttackRow, report: Report) -> AttackLine:
    """A row of the report in words."""
    accuracy, sessions = row.accuracy, row.sessions
    both = MISSING if sessions is None else f"{percent(sessions.exact.value)} / {percent(sessions.default.value)}"
    stored = row.accuracy_8bit.value if row.differs_as_8bit and row.accuracy_8bit else None
    failed = f"{count(row.replay_disagreements)} of {count(row.replayed)}"
    return AttackLine(
        attack_name(row.settings),
        "; ".join(_remarks(row, report)),
        temperature_name(row.settings),
        surrogate_name(row.settings),
        effort(row.settings),
        threat_text(row.threat),
        percent(accuracy.value),
        interval(accuracy),
        position(accuracy.low),
        position(accuracy.value),
        position(accuracy.high),
        both,
        percent(stored),
        failed if row.replay_disagreements else "0",
        duration(row.seconds),
    )


def _remarks(row: AttackRow, report: Report) -> list[str]:
    remarks = []
    if row.source is Source.SUBSTITUTE:
        remarks.append(f"transferred from {transferred_from(report)}")
    elif row.source is not Source.WHITE_BOX:
        remarks.append(f"on the model {_CURED[row.source]}")
    if row.role in _ROLES:
        remarks.append(_ROLES[row.role])
    if not row.reaches_radius:
        remarks.append("its steps together cannot reach the radius")
    if row.threat.l2_per_channel:
        remarks.append("each colour channel in a ball of its own")
    return remarks


_CURED = {
    Source.FLOAT64: "in double precision",
    Source.LOGARITHM: "with the logarithm of its probabilities",
    Source.AVERAGED: "averaged over noisy copies of the image",
    Source.BRIDGED: "with blocking layers passed straight through",
    Source.ROUNDED: "with scores as its own quantizers round them",
}


def signal_lines(signal: SignalTable) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """A quantity, and its value under each temperature rule."""
    rows: Sequence[SignalRow] = [getattr(signal, scaling) for scaling in SCALINGS]
    return tuple((label[:1].upper() + label[1:], tuple(value(row) for row in rows)) for label, value in SIGNAL_LINES)


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """One place on the way back, with the gradient's norm and the share of zeros under each temperature rule."""

    name: str
    cells: tuple[tuple[str, str], ...]


def place_lines(signal: SignalTable, most: int) -> tuple[PlaceLine, ...]:
    """From the logits to the input; the share is empty where no gradient is zero."""
    found = []
    for place in signal.places[:most]:
        gradients = [getattr(place, scaling) for scaling in SCALINGS]
        found.append(
            PlaceLine(
                place.name, tuple((significant(g.gradient_norm), _zeros(g.zero_gradient_fraction)) for g in gradients)
            )
        )
    return tuple(found)


def _zeros(fraction: float) -> str:
    return f"{percent(fraction)} zero" if fraction > 0 else ""


def ends(report: Report) -> tuple[tuple[str, str, bool], ...]:
    """For each temperature rule its title, where the gradient vanishes, and whether it arrives; empty if not followed."""
    signal = report.signal
    if signal is None or not signal.places:
        return ()
    return tuple((title, *end_words(signal, scaling)) for scaling, title in SCALINGS.items())
