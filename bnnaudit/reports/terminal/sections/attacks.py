"""The table of attacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bnnaudit.core.attack import Auto, BudgetUnit
from bnnaudit.core.report import AttackRow, Report
from bnnaudit.core.trial import Source
from bnnaudit.reports.attack_names import attack_name, effort, surrogate_name, temperature_name
from bnnaudit.reports.numbers import MISSING, count, duration, interval, length, percent, significant, threat_text
from bnnaudit.reports.terminal.bars import horizontal
from bnnaudit.reports.terminal.style import Look
from bnnaudit.reports.terminal.typesetting import INDENT, heading, indented

_SMALLEST_BAR = 8
_LARGEST_BAR = 24
NAMES = ("attack", "surrogate", "threat")
VERIFICATION = "verification"
REMAINING = "remaining"


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cells: list[Text]
    side: Literal["left", "right"] = "left"
    spare: int = 0
    """Where there is no room the column with the highest goes first; 0 stays."""


def attacks(report: Report, look: Look) -> Sequence[RenderableType]:
    """Every attack with its accuracy and interval, and what the columns mean; nothing where none was run."""
    if not report.attacks:
        return []
    return [
        heading("Attacks: accuracy left, successes replayed on the deployed model", look),
        indented(_table(report, look)),
        *(indented(look.text(note, "dim")) for note in _notes(report.attacks)),
    ]


def _table(report: Report, look: Look) -> Table:
    """Columns that would say the same in every row are left out; bars come where there is room for them."""
    columns = _columns(report, look)
    gap = 2 if _needed(columns, 2) <= look.width else 1
    for spare in sorted({column.spare for column in columns} - {0}, reverse=True):
        if _needed(columns, gap) > look.width:
            columns = [column for column in columns if column.spare != spare]
    cells = min(look.width - _needed(columns, gap), _LARGEST_BAR)
    if cells >= _SMALLEST_BAR:
        columns.append(
            _Column("", [Text(horizontal(row.accuracy.value, cells), style="cyan") for row in report.attacks])
        )
    return _laid_out(columns, gap)


def _columns(report: Report, look: Look) -> list[_Column]:
    rows = report.attacks
    columns = [
        _Column("attack", [_name(row, look) for row in rows]),
        _Column("b", [look.text(temperature_name(row.settings)) for row in rows]),
        _Column("surrogate", [look.text(surrogate_name(row.settings)) for row in rows]),
        _Column("steps", [look.text(effort(row.settings)) for row in rows], "right"),
        _Column("accuracy", [look.text(percent(row.accuracy.value), "bold") for row in rows], "right"),
        _Column("95 %", [look.text(interval(row.accuracy), "dim") for row in rows], spare=1),
        _Column("time", [look.text(duration(row.seconds)) for row in rows], "right", spare=2),
    ]
    if any(_measured_as_8bit(row) for row in rows):
        cells = [look.text(percent(row.accuracy_8bit.value if row.accuracy_8bit else None)) for row in rows]
        columns.insert(6, _Column("8-bit", cells, "right"))
    if any(row.sessions is not None for row in rows):
        columns[6:6] = _sessions_columns(rows, look)
    if any(row.replay_disagreements for row in rows):
        columns.append(_Column("replay", [_disagreement(row, look) for row in rows], "right"))
    if any(row.threat.norm is not report.threat.norm for row in rows):
        columns.insert(4, _Column("threat", [look.text(threat_text(row.threat)) for row in rows]))
    elif any(row.threat.eps != report.threat.eps for row in rows):
        columns.insert(4, _Column("eps", [look.text(length(row.threat.eps)) for row in rows], "right"))
    return columns


def _sessions_columns(rows: Sequence[AttackRow], look: Look) -> list[_Column]:
    """What is left in each session, and the images between the two."""
    sessions = [row.sessions for row in rows]
    return [
        _Column("exact", [look.text(percent(one.exact.value if one else None)) for one in sessions], "right"),
        _Column("default", [look.text(percent(one.default.value if one else None)) for one in sessions], "right"),
        _Column("between", [look.text(count(one.between) if one else MISSING) for one in sessions], "right"),
    ]


def _needed(columns: Sequence[_Column], gap: int) -> int:
    """Width of the table with its indent and a gap after each column."""
    widths = (max(len(column.title), *(cell.cell_len for cell in column.cells)) for column in columns)
    return INDENT + sum(width + gap for width in widths)


def _laid_out(columns: Sequence[_Column], gap: int) -> Table:
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:
        # Names may go on in the next line, numbers never.
        table.add_column(column.title, justify=column.side, overflow="fold", no_wrap=column.title not in NAMES)
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def _name(row: AttackRow, look: Look) -> Text:
    name = look.text(attack_name(row.settings) + (" small steps" if _falls_short(row) else ""))
    if row.source is Source.SUBSTITUTE:
        name.append(" *", style="yellow")
    elif row.source is not Source.WHITE_BOX:
        name.append(f" {row.source}", style="yellow")
    if row.role == REMAINING:
        name.append(" >", style="yellow")
    if row.role == VERIFICATION:
        name.append(" +", style="yellow")
    return name


def _measured_as_8bit(row: AttackRow) -> bool:
    """Apart from the accuracy itself: where pixels have 8 bits at most, both are the same."""
    grid = row.threat.grid
    return row.accuracy_8bit is not None and row.threat.image_bits is None and (grid is None or grid.values > 256)


def _disagreement(row: AttackRow, look: Look) -> Text:
    return look.text(f"-{count(row.replay_disagreements)}" if row.replay_disagreements else "ok")


def _falls_short(row: AttackRow) -> bool:
    """Whether its steps together cannot reach the radius: another attack than the one it otherwise looks like."""
    return row.step_size is not None and row.settings.steps * row.step_size < 0.99 * row.threat.eps


def _legend(rows: Sequence[AttackRow]) -> str:
    """What the columns mean that these rows fill."""
    parts = []
    if any(" x " in effort(row.settings) for row in rows):
        parts.append("steps x restarts")
    if any(row.settings.method.climbs for row in rows):
        parts.append("b is the temperature on the logits, 1 in ordinary attacks")
    return "; ".join([*parts, "-: the attack has no such setting"] if any(map(_has_gap, rows)) else parts) + "."


def _has_gap(row: AttackRow) -> bool:
    return MISSING in (temperature_name(row.settings), surrogate_name(row.settings))


def _notes(rows: Sequence[AttackRow]) -> list[str]:
    notes = [_legend(rows)]
    short = [row.step_size for row in rows if row.step_size is not None and _falls_short(row)]
    if short:
        notes.append(f"small steps: of {significant(short[0], 2)} each, together less than the radius.")
    if any(isinstance(row.settings, Auto) and row.settings.budget.unit is BudgetUnit.GRADIENTS for row in rows):
        notes.append("g: gradients per image, at most; auto chooses temperature, surrogate and steps itself.")
    if any(row.settings.method.searches for row in rows):
        notes.append("q: queries, forward passes per image; no gradient is followed.")
    if any(row.source is Source.SUBSTITUTE for row in rows):
        notes.append("*: transferred from a substitute network, no gradient of the audited model.")
    if any(row.role == REMAINING for row in rows):
        notes.append(">: on images that ordinary PGD left; what is left after both.")
    if any(row.role == VERIFICATION for row in rows):
        notes.append("+: verification, on images that every attack above it left; what is left of the whole sample.")
    if any(row.threat.l2_per_channel for row in rows):
        notes.append("Some L2 attacks project each colour channel by itself, which allows a larger radius in total.")
    if any(_measured_as_8bit(row) for row in rows):
        notes.append(
            "8-bit: what is left when the adversarial images are rounded to pixels of 8 bits, as in a PNG; an attack with "
            "--image-bits 8 looks for such images itself and may leave less."
        )
    return [*notes, *_notes_on_replay(rows)]


def _notes_on_replay(rows: Sequence[AttackRow]) -> list[str]:
    notes = []
    if any(row.sessions is not None for row in rows):
        notes.append(
            "exact, default: what the same images leave in a session that computes what the file says, and in one opened "
            "without options; between: images that only one of them gets right."
        )
    failed = sum(row.replay_disagreements for row in rows)
    if failed:
        total = sum(row.replayed for row in rows)
        notes.append(f"replay: {count(failed)} of {count(total)} claimed successes did not replay and are not counted.")
    return notes
