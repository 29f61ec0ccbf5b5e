"""Signal propagation and where the gradient vanishes, in the words that all texts for people share."""

from collections.abc import Callable

from bnnaudit.core.report import Scaling, SignalRow, SignalTable
from bnnaudit.reports.numbers import percent, significant
from bnnaudit.reports.safe_text import short

SIGNAL_LINES: tuple[tuple[str, Callable[[SignalRow], str]], ...] = (
    ("Jacobian singular values x b, mean (ideally 1)", lambda row: significant(row.jsv_mean)),
    ("Jacobian singular values x b, standard deviation", lambda row: significant(row.jsv_std)),
    ("error signal at the logits, ‖ψ‖", lambda row: significant(row.psi_norm)),
    ("gradient at the input, ‖dl/dx‖", lambda row: significant(row.gradient_norm)),
    ("its signs, ‖sign(dl/dx)‖", lambda row: significant(row.sign_norm)),
    ("images whose gradient is zero", lambda row: percent(row.zero_gradient_fraction)),
    ("temperature b, median", lambda row: significant(row.beta_median)),
)
"""The table of signal propagation: a label and a figure for each line."""


def end_words(signal: SignalTable, scaling: Scaling) -> tuple[str, bool]:
    """Where the gradient ends under a temperature rule, and whether it reaches the input."""
    end = signal.vanishing(scaling)
    if end is None:
        return "the gradient reaches the input", True
    where, why = ("the logits", ": the softmax is saturated") if end.saturated else (short(end.place), "")
    return f"the gradient vanishes at {where} on {percent(end.fraction)} of the images{why}", False
