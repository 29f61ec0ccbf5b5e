"""The table of attacks, and the phases of `auto`."""

from collections.abc import Sequence

from rich.text import Text

from bnnaudit.core.attack import Auto, BudgetUnit
from bnnaudit.core.auto_run import Part
from bnnaudit.core.report import AttackRow, Report
from bnnaudit.core.trial import Source
from bnnaudit.reports.attack_names import attack_name, effort, loss_name, surrogate_name, temperature_name
from bnnaudit.reports.numbers import MISSING, count, duration, interval, length, percent, significant, threat_text
from bnnaudit.reports.page import Page
from bnnaudit.reports.substitute_words import substitute_words, transferred_from
from bnnaudit.reports.terminal.charts import horizontal
from bnnaudit.reports.terminal.typesetting import Column, Parts, fitting, heading, natural_width, notes, table

_SMALLEST_BAR = 8
_LARGEST_BAR = 24
_AS_8BIT = "8-bit"
VERIFICATION = "verification"
REMAINING = "remaining"


def attacks(report: Report, page: Page) -> Parts:
    """Every attack with its accuracy and interval, and what the columns mean; nothing where none was run."""
    rows = report.attacks
    if not rows:
        return []
    columns = _columns(report, page)
    shown = fitting(columns, page)
    cells = min(page.columns - natural_width(shown) - 2, _LARGEST_BAR)
    if cells >= _SMALLEST_BAR:
        columns.append(Column("", [Text(horizontal(row.accuracy.value, cells), "cyan") for row in rows]))
    remarks = _remarks(report, as_8bit=any(column.title == _AS_8BIT for column in shown))
    return [heading("Accuracy left by each attack", page), table(columns, page), *notes(remarks, page)]


def _columns(report: Report, page: Page) -> list[Column]:
    """Those that would say the same in every row are left out."""
    rows = report.attacks
    columns = [
        Column("attack", [_name(row, page) for row in rows], wraps=True),
        Column("b", [page.text(temperature_name(row.settings)) for row in rows]),
        Column("surrogate", [page.text(surrogate_name(row.settings)) for row in rows], wraps=True),
        Column("steps", [page.text(effort(row.settings)) for row in rows], right=True),
    ]
    if any(row.threat.norm is not report.threat.norm for row in rows):
        columns.append(Column("threat", [page.text(threat_text(row.threat)) for row in rows], wraps=True))
    elif any(row.threat.eps != report.threat.eps for row in rows):
        columns.append(Column("eps", [page.text(length(row.threat.eps)) for row in rows], right=True))
    columns += [
        Column("accuracy", [page.text(percent(row.accuracy.value), "bold") for row in rows], right=True),
        Column("95 %", [page.text(interval(row.accuracy), "dim") for row in rows], spare=2),
        *_session_columns(rows, page),
    ]
    if any(row.differs_as_8bit for row in rows):
        stored = [row.accuracy_8bit.value if row.accuracy_8bit else None for row in rows]
        columns.append(Column(_AS_8BIT, [page.text(percent(value)) for value in stored], right=True, spare=1))
    columns.append(Column("time", [page.text(duration(row.seconds)) for row in rows], right=True, spare=3))
    if any(row.replay_disagreements for row in rows):
        failed = [f"-{count(row.replay_disagreements)}" if row.replay_disagreements else "ok" for row in rows]
        columns.append(Column("replay", [page.text(words) for words in failed], right=True))
    return columns


def _session_columns(rows: Sequence[AttackRow], page: Page) -> list[Column]:
    """What is left in each session, and the images on which the two differ."""
    sessions = [row.sessions for row in rows]
    if not any(sessions):
        return []
    return [
        Column("exact", [page.text(percent(one.exact.value if one else None)) for one in sessions], right=True),
        Column("default", [page.text(percent(one.default.value if one else None)) for one in sessions], right=True),
        Column("differ", [page.text(count(one.between) if one else MISSING) for one in sessions], right=True),
    ]


def _name(row: AttackRow, page: Page) -> Text:
    name = page.text(attack_name(row.settings) + ("" if row.reaches_radius else " small steps"))
    if row.source is Source.SUBSTITUTE:
        name.append(" *", style="yellow")
    elif row.source is not Source.WHITE_BOX:
        name.append(f" {row.source}", style="yellow")
    if row.role == REMAINING:
        name.append(" >", style="yellow")
    if row.role == VERIFICATION:
        name.append(" +", style="yellow")
    return name


def _legend(rows: Sequence[AttackRow]) -> str:
    """What the columns mean that these rows fill."""
    parts = ["Each success was replayed on the deployed model"]
    if any(" x " in effort(row.settings) for row in rows):
        parts.append("steps x restarts")
    if any(row.settings.method.climbs for row in rows):
        parts.append("b: temperature on the logits, 1 in ordinary attacks")
    if any(MISSING in (temperature_name(row.settings), surrogate_name(row.settings)) for row in rows):
        parts.append("-: the attack has no such setting")
    return "; ".join(parts) + "."


def _remarks(report: Report, *, as_8bit: bool) -> list[str]:
    rows = report.attacks
    remarks = [_legend(rows)]
    short = [row.step_size for row in rows if row.step_size is not None and not row.reaches_radius]
    if short:
        remarks.append(f"small steps: of {significant(short[0], 2)} each, too short together to reach the radius.")
    if any(isinstance(row.settings, Auto) and row.settings.budget.unit is BudgetUnit.GRADIENTS for row in rows):
        remarks.append("g: gradients per image, at most; auto chooses temperature, surrogate and steps itself.")
    if any(row.settings.method.searches for row in rows):
        remarks.append("q: queries (forward passes) per image; no gradient is used.")
    if any(row.source is Source.SUBSTITUTE for row in rows):
        remarks.append(f"*: transferred from {transferred_from(report)}, without gradients of the audited model.")
        remarks += filter(None, [substitute_words(report)])
    if any(row.role == REMAINING for row in rows):
        remarks.append(">: run on the images that ordinary PGD left; the accuracy is what both leave.")
    if any(row.role == VERIFICATION for row in rows):
        remarks.append("+: verification, run on what all attacks above left; the accuracy is of the whole sample.")
    if any(row.threat.l2_per_channel for row in rows):
        remarks.append("Some L2 attacks project each colour channel by itself, which allows a larger radius in total.")
    if as_8bit:
        remarks.append(
            "8-bit: accuracy when the adversarial images are rounded to 8-bit pixels, as in a PNG; an attack with "
            "--image-bits 8 looks for such images itself and may leave less."
        )
    return [*remarks, *_remarks_on_replay(rows)]


def _remarks_on_replay(rows: Sequence[AttackRow]) -> list[str]:
    remarks = []
    if any(row.sessions is not None for row in rows):
        remarks.append(
            "exact, default: accuracy on the same images in a session that computes what the file says, and in one opened "
            "without options; differ: images that only one of them gets right."
        )
    failed = sum(row.replay_disagreements for row in rows)
    if failed:
        total = count(sum(row.replayed for row in rows))
        remarks.append(f"replay: {count(failed)} of {total} claimed successes did not replay and are not counted.")
    return remarks


def auto_phases(report: Report, page: Page) -> Parts:
    """A table for each run of `auto` that had anything to attack; nothing without one."""
    runs = [row.parts for row in report.attacks if row.parts]
    if not runs:
        return []
    note = "fooled: images that this phase was the first to fool; forward, backward: passes, counted per image."
    tables = [table(_phase_columns(parts, page), page) for parts in runs]
    return [heading("Phases of auto", page), *tables, *notes([note], page)]


def _phase_columns(parts: Sequence[Part], page: Page) -> list[Column]:
    surrogates = [MISSING if part.surrogate is None else str(part.surrogate) for part in parts]
    losses = [MISSING if part.loss is None else loss_name(part.loss) for part in parts]
    return [
        Column("phase", [page.text(str(part.phase)) for part in parts], wraps=True),
        Column("surrogate", [page.text(words) for words in surrogates], wraps=True),
        Column("loss", [page.text(words) for words in losses], spare=1),
        Column("fooled", [page.text(count(len(part.fooled)), "bold") for part in parts], right=True),
        Column("forward", [page.text(count(part.forwards)) for part in parts], right=True, spare=2),
        Column("backward", [page.text(count(part.backwards)) for part in parts], right=True, spare=2),
    ]
