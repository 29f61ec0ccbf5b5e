"""The templates, and the one way by which text gets into them: printable, short, escaped."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bnnaudit.reports.html.headline import sentence
from bnnaudit.reports.html.line_chart import HEIGHT, LEFT, RIGHT, TOP, WIDTH
from bnnaudit.reports.html.rule_text import blocks
from bnnaudit.reports.measurement_words import measurement_words
from bnnaudit.reports.numbers import count, interval, norm_name, percent, plural, threat_text, with_interval
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.verdict_words import idle_words, waiver_words

_PERCENT = re.compile(r"(?<=[0-9]) %")
"""A number and its sign, which do not part at the end of a line."""
FOLDER = Path(__file__).parent / "templates"


@lru_cache(maxsize=4)
def environment(text: int) -> Environment:
    """Templates in which every text is made printable, cut at `text` characters and escaped, whoever wrote it."""

    def shown(value: object) -> object:
        if isinstance(value, Markup) or not isinstance(value, str):
            return value
        return _PERCENT.sub("\u00a0%", short(value, text))

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        count=count,
        evidence=measurement_words,
        idle=idle_words,
        interval=interval,
        moment=moment,
        name=short,
        norm=norm_name,
        percent=percent,
        plural=plural,
        sentence=sentence,
        threat=threat_text,
        waiver=waiver_words,
        with_interval=with_interval,
    )
    made.globals.update(
        blocks=blocks,
        chart={"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP},
        style=Markup((FOLDER / "style.css").read_text(encoding="utf-8")),
    )
    return made


def moment(text: str) -> str:
    """`2026-11-27 23:59 UTC`; as it stands where it is no time."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError):
        return short(text)
