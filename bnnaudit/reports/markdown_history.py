"""A history as blocks of GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple

from bnnaudit.core.history import History
from bnnaudit.reports.history_words import TITLES, history_line, release_line, skipped_sentences
from bnnaudit.reports.markdown_text import code, table, words
from bnnaudit.reports.numbers import threat_text


def history_blocks(history: History) -> Iterator[str]:
    """A table for each model under each threat, then what was skipped."""
    yield f"## {words(history_line(history))}"
    for series in history.series:
        yield f"### {code(series.model)} under {threat_text(series.threat)}"
        rows = [[words(cell) for cell in astuple(release_line(kept))] for kept in series.releases]
        yield table(TITLES, rows, (3, 4))
    skipped = [f"- {words(sentence)}" for sentence in skipped_sentences(history)]
    if skipped:
        yield "\n".join(skipped)
