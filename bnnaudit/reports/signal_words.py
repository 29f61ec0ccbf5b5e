"""Where the gradient vanishes, in the words that all texts for people share."""

from bnnaudit.core.report import Scaling, SignalTable
from bnnaudit.reports.numbers import percent
from bnnaudit.reports.safe_text import short


def end_words(signal: SignalTable, scaling: Scaling) -> tuple[str, bool]:
    """Where the gradient ends under a temperature rule, and whether it reaches the input."""
    end = signal.vanishing(scaling)
    if end is None:
        return "the gradient reaches the input", True
    where, why = ("the logits", ": the softmax is saturated") if end.saturated else (short(end.place), "")
    return f"the gradient vanishes at {where} on {percent(end.fraction)} of the images{why}", False
