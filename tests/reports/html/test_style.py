"""The colours of both schemes have the contrast that WCAG 2.2 asks of text (level AA, 4.5 to 1)."""

import re

import pytest

from bnnaudit.reports.html.templates import FOLDER

STYLE = (FOLDER / "style.css").read_text(encoding="utf-8")
GROUNDS = ("paper", "sheet")
PAIRS = [
    *((ink, ground) for ink in ("ink", "soft", "accent", "bad", "good", "open") for ground in GROUNDS),
    ("soft", "faint"),
    *((tone, f"{tone}-back") for tone in ("good", "bad", "open")),
]


def schemes() -> dict[str, dict[str, str]]:
    roots = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    colours = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,8})", root)) for root in roots]
    return dict(zip(("light", "dark", "print"), colours, strict=True))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    digits = colour.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    channels = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(scheme: str, text: str, ground: str) -> None:
    colours = schemes()[scheme]
    lighter, darker = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_the_style_asks_for_nothing_from_outside() -> None:
    assert not re.search(r"url\(|@import|https?:|expression\(|</", STYLE)
