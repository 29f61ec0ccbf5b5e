"""A report, several, a failure, or two releases compared, as one HTML page."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace

from bnnaudit.core.comparison import Comparison
from bnnaudit.core.errors import UsageError
from bnnaudit.core.history import History
from bnnaudit.core.report import Report
from bnnaudit.core.reproduction import Reproduction
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.documents import Document
from bnnaudit.reports.history_words import TITLES, history_line, skipped_sentences
from bnnaudit.reports.html.comparison_view import comparison_view
from bnnaudit.reports.html.history_view import series_view
from bnnaudit.reports.html.reproduction_view import reproduction_view
from bnnaudit.reports.html.room import LARGEST_PAGE, ROOMS, Room
from bnnaudit.reports.html.suite_view import FailureView, suite_view
from bnnaudit.reports.html.templates import environment
from bnnaudit.reports.html.view import ReportView, report_view
from bnnaudit.reports.page import Page

_ROWS_OF_SEVERAL = 100
"""Rows of images for each of several reports, which are read one below the other. Not tuned."""


def write_html(document: Document, page: Page) -> str:
    """One page of at most `LARGEST_PAGE` bytes in UTF-8; what did not fit is counted on it. UsageError for other documents.

    The page of the stream does not matter: a browser lays this one out.
    """
    if not isinstance(document, Report | Suite | Failure | Comparison | History | Reproduction):
        raise UsageError("html: this command's result has no page; write it as text or json")
    text = _drawn(document, ROOMS[0])
    if _is_small(text):
        return text
    smaller = ROOMS[1:-1]  # the last is small whatever it holds
    index = bisect_left(smaller, True, key=lambda room: _is_small(_drawn(document, room)))
    return _drawn(document, ROOMS[1 + index])


def _is_small(text: str) -> bool:
    return len(text.encode()) <= LARGEST_PAGE


def _drawn(document: Report | Suite | Failure | Comparison | History | Reproduction, room: Room) -> str:
    if isinstance(document, Comparison):
        return _compared(document, room)
    if isinstance(document, History):
        return _over_releases(document, room)
    if isinstance(document, Reproduction):
        return _reproduced(document, room)
    template = environment(room.text).get_template("page.html.j2")
    if not isinstance(document, Suite):
        view = _view(document, "r1", room)
        return template.render(title=_title(view), made=document.provenance, suite=None, views=(view,), room=room)
    several = replace(room, rows=min(room.rows, _ROWS_OF_SEVERAL))
    shown = document.entries[: room.reports]
    views = [_view(entry, f"r{number}", several) for number, entry in enumerate(shown, 1)]
    suite = suite_view(document, room.reports)
    title = f"{suite.answer}: {suite.sentence}"
    return template.render(title=title, made=document.provenance, suite=suite, views=views, room=several)


def _compared(comparison: Comparison, room: Room) -> str:
    template, view = environment(room.text).get_template("comparison.html.j2"), comparison_view(comparison, room)
    made = comparison.provenance
    return template.render(title=f"{view.answer}: {view.sentence}", made=made, made_by="Compared", view=view, room=room)


def _over_releases(history: History, room: Room) -> str:
    template = environment(room.text).get_template("history.html.j2")
    skipped = list(skipped_sentences(history))[: room.entries]
    views = [series_view(series, room) for series in history.series[: room.reports]]
    made = history.provenance
    return template.render(
        title=history_line(history), made=made, made_by="Read", views=views, titles=TITLES, skipped=skipped, room=room
    )


def _reproduced(found: Reproduction, room: Room) -> str:
    template, view = environment(room.text).get_template("reproduction.html.j2"), reproduction_view(found, room)
    return template.render(title=view.title, made=found.provenance, made_by="Run", view=view, room=room)


def _view(entry: Report | Failure, key: str, room: Room) -> ReportView | FailureView:
    return FailureView(key, entry) if isinstance(entry, Failure) else report_view(entry, key, room)


def _title(view: ReportView | FailureView) -> str:
    if isinstance(view, FailureView):
        return f"{view.answer}: {view.failure.model}"
    return f"{view.headline.answer}, {view.headline.status}: {view.report.model.path}"
