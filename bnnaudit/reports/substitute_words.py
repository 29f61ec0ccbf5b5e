"""The network that transferred images were made on, in words."""

from __future__ import annotations

from bnnaudit.core.report import Report
from bnnaudit.core.trial import Source
from bnnaudit.reports.numbers import plural, with_interval
from bnnaudit.reports.safe_text import file_name


def transferred_from(report: Report) -> str:
    """What the images of a transferred attack were made on: `the substitute network ref.onnx`."""
    substitute = report.substitute
    if substitute is None:
        return "a substitute network"
    if substitute.trained:
        return "a substitute network trained on the model's answers"
    return f"the substitute network {file_name(substitute.path)}"


def substitute_words(report: Report) -> str:
    """How like the model the substitute is; empty where no attack was transferred, or nothing is known of it."""
    substitute = report.substitute
    if substitute is None or not any(row.source is Source.SUBSTITUTE for row in report.attacks):
        return ""
    name = transferred_from(report)
    own = "" if substitute.accuracy is None else f"an accuracy of {with_interval(substitute.accuracy)}, and "
    agreement, images = with_interval(substitute.agreement), plural(substitute.agreement.n, "image")
    return f"{name[0].upper()}{name[1:]} has {own}the model's answer on {agreement} of {images}."
