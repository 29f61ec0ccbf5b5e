"""Signal propagation: the network as it is, beside the two published temperature rules."""

from collections.abc import Callable

from bnnaudit.core.report import Report, SignalRow
from bnnaudit.reports.numbers import percent, plural, significant
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.drawing import Parts
from bnnaudit.reports.terminal.typesetting import Column, heading, table

_LINES: tuple[tuple[str, Callable[[SignalRow], str]], ...] = (
    ("Jacobian singular values x b, mean (ideally 1)", lambda row: significant(row.jsv_mean)),
    ("Jacobian singular values x b, standard deviation", lambda row: significant(row.jsv_std)),
    ("error signal at the logits, ||psi||", lambda row: significant(row.psi_norm)),
    ("gradient at the input, ||dl/dx||", lambda row: significant(row.gradient_norm)),
    ("its signs, ||sign(dl/dx)||", lambda row: significant(row.sign_norm)),
    ("images whose gradient is zero", lambda row: percent(row.zero_gradient_fraction)),
    ("temperature b, median", lambda row: significant(row.beta_median)),
)


def signal(report: Report, page: Page) -> Parts:
    """Nothing where it was not measured."""
    if report.signal is None:
        return []
    named: tuple[tuple[str, SignalRow], ...] = (
        ("as it is", report.signal.original),
        ("NJS", report.signal.njs),
        ("HNS", report.signal.hns),
    )
    means = f"means over {plural(max(row.n for _, row in named), 'image')}"
    columns = [
        Column(means, [page.text(label) for label, _ in _LINES], wraps=True),
        *(Column(name, [page.text(value(row)) for _, value in _LINES], right=True) for name, row in named),
    ]
    return [heading("Signal propagation", page), table(columns, page)]
