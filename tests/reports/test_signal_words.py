"""Where the gradient vanishes is told once, and a place of any name is short."""

from dataclasses import replace

from bnnaudit.core.report import PlaceGradient, PlaceRow, Report, SignalTable
from bnnaudit.reports.signal_words import end_words
from tests.reports.hostile import LONG

LOST, THERE = PlaceGradient(0.0, 0.75), PlaceGradient(1.0, 0.0)


def signal_of(report: Report, *places: tuple[str, PlaceGradient]) -> SignalTable:
    """With these places, the logits first, the same under every temperature rule."""
    assert report.signal is not None
    rows = tuple(PlaceRow(name, gradient, gradient, gradient) for name, gradient in places)
    return replace(report.signal, places=rows)


def test_a_saturated_softmax_is_named_as_the_cause(detailed: Report) -> None:
    signal = signal_of(detailed, ("logits", LOST), ("input", LOST))
    words = "the gradient vanishes at the logits on 75.0 % of the images: the softmax is saturated"
    assert end_words(signal, "original") == (words, False)


def test_a_place_inside_the_network_is_named_in_short(detailed: Report) -> None:
    signal = signal_of(detailed, ("logits", THERE), (LONG, LOST), ("input", LOST))
    words, arrives = end_words(signal, "hns")
    assert not arrives
    assert len(words) < 300
    assert words.isprintable()


def test_a_gradient_that_arrives(detailed: Report) -> None:
    signal = signal_of(detailed, ("logits", THERE), ("input", THERE))
    assert end_words(signal, "njs") == ("the gradient reaches the input", True)
