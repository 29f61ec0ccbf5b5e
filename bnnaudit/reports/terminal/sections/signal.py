"""Signal propagation: the network as it is, beside the two published temperature rules."""

from collections.abc import Callable, Sequence

from rich.console import RenderableType
from rich.table import Table

from bnnaudit.core.report import Report, SignalRow
from bnnaudit.reports.numbers import percent, plural, significant
from bnnaudit.reports.terminal.style import Look
from bnnaudit.reports.terminal.typesetting import heading, indented

_LINES: tuple[tuple[str, Callable[[SignalRow], str]], ...] = (
    ("Jacobian singular values x b, mean (ideally 1)", lambda row: significant(row.jsv_mean)),
    ("Jacobian singular values x b, standard deviation", lambda row: significant(row.jsv_std)),
    ("error signal at the logits, ||psi||", lambda row: significant(row.psi_norm)),
    ("gradient at the input, ||dl/dx||", lambda row: significant(row.gradient_norm)),
    ("its signs, ||sign(dl/dx)||", lambda row: significant(row.sign_norm)),
    ("images whose gradient is zero", lambda row: percent(row.zero_gradient_fraction)),
    ("temperature b, median", lambda row: significant(row.beta_median)),
)


def signal(report: Report, look: Look) -> Sequence[RenderableType]:
    """Nothing where it was not measured."""
    if report.signal is None:
        return []
    named: tuple[tuple[str, SignalRow], ...] = (
        ("as it is", report.signal.original),
        ("NJS", report.signal.njs),
        ("HNS", report.signal.hns),
    )
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(f"means over {plural(max(row.n for _, row in named), 'image')}", overflow="fold")
    for name, _ in named:
        table.add_column(name, justify="right", min_width=8)
    for label, value in _LINES:
        table.add_row(look.text(label), *(look.text(value(row)) for _, row in named))
    return [heading("Signal propagation", look), indented(table)]
