"""Comparisons, baselines and histories in every format that writes them, with ordinary and with hostile names."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from bnnaudit.core.report import Report
from bnnaudit.core.threat import Threat
from bnnaudit.reports.documents import Document
from bnnaudit.reports.formats import WRITE_COMPARISONS, WRITE_HISTORIES, ReportFormat, render
from bnnaudit.reports.html.room import LARGEST_PAGE
from bnnaudit.reports.json.reading import round_trip
from bnnaudit.reports.json.schema import report_schema, schema_of
from bnnaudit.reports.markdown import LARGEST
from bnnaudit.reports.page import Page
from tests.reports.hostile import EVERYTHING, LONG, WORDS, with_names
from tests.reports.releases import compared, over_releases, several_compared, with_baseline
from tests.reports.test_markdown import COMMENT, tokens

REGISTRY = Registry().with_resource("urn:bnnaudit:report:1", Resource.from_contents(report_schema()))


@pytest.fixture
def newer(honest: Report, fake: Report) -> Report:
    """The model that was honest once, under the same threat."""
    return replace(fake, threat=honest.threat, images=honest.images)


@pytest.fixture
def documents(honest: Report, newer: Report) -> dict[str, Document]:
    return {
        "comparison": compared(honest, newer),
        "better": compared(newer, honest),
        "comparison-of-suites": several_compared(honest, newer),
        "overview": over_releases(honest, newer, newer),
        "history": over_releases(
            honest, replace(honest, threat=Threat(honest.threat.norm, 0.1)), name="ref_adversarial"
        ),
    }


def test_json_is_as_its_schema_says(documents: dict[str, Document]) -> None:
    for document in documents.values():
        written = json.loads(render(document, ReportFormat.JSON, Page()))
        Draft202012Validator(schema_of(written["schema"]), registry=REGISTRY).validate(written)


@pytest.mark.parametrize("name", ["comparison", "history"])
def test_a_schema_knows_every_key_and_requires_it(documents: dict[str, Document], name: str) -> None:
    written = json.loads(render(documents[name], ReportFormat.JSON, Page()))
    schema = schema_of(written["schema"])
    assert set(schema["required"]) == set(schema["properties"]) == set(written)
    inner = "models" if name == "comparison" else "series"
    described = schema["properties"][inner]["items"]
    assert set(described["required"]) == set(described["properties"]) == set(written[inner][0])


def test_a_comparison_says_what_changed(documents: dict[str, Document]) -> None:
    for format in (ReportFormat.TERMINAL, ReportFormat.MARKDOWN, ReportFormat.HTML):
        text = re.sub(r"<[^>]+>|[\\\u00a0]", " ", render(documents["comparison"], format, Page(100)))
        words = " ".join(text.split())
        for part in ("FAIL", "NEW", "ERROR", "FR301", "-64.3", "ref_adversarial.onnx", "64.3 %"):
            assert part.replace("_", " ") in words.replace("_", " ").replace("\\", ""), (format, part)
        back = render(documents["better"], format, Page(100))
        assert "PASS" in back
        assert "GONE" in back


def test_what_is_not_compared_is_named(documents: dict[str, Document]) -> None:
    for format in (ReportFormat.TERMINAL, ReportFormat.MARKDOWN, ReportFormat.HTML):
        text = render(documents["comparison-of-suites"], format, Page(100))
        for part in ("lost.onnx", "lost.onnx (old)", "lost.onnx (new)"):
            assert part in text, (format, part)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("ascii", [False, True])
def test_text_keeps_to_the_page(documents: dict[str, Document], width: int, ascii: bool) -> None:
    for document in documents.values():
        for verbose in (False, True):
            text = render(document, ReportFormat.TERMINAL, Page(width, ascii=ascii, verbose=verbose))
            assert max(map(len, text.splitlines())) <= width
            assert not any(line.endswith(" ") for line in text.splitlines())
            assert not ascii or text.isascii()


def test_a_history_has_a_row_for_each_release(documents: dict[str, Document]) -> None:
    table = list(csv.DictReader(io.StringIO(render(documents["overview"], ReportFormat.CSV, Page()))))
    assert [row["created"][:7] for row in table] == ["2024-02", "2024-03", "2024-01"]
    assert [float(row["verified"]) for row in table] == [0.0, 0.0, 0.643]


def test_the_scale_has_each_accuracy_in_its_place(documents: dict[str, Document]) -> None:
    text = render(documents["history"], ReportFormat.TERMINAL, Page(80))
    tracks = re.findall(r"^  2024.* ([·─x•]{25}) ", text, re.MULTILINE)
    assert len(tracks) == 2
    assert {track.index("•") for track in tracks} == {round(0.643 * 24)}
    assert {(track.index("─"), track.rindex("─")) for track in tracks} == {(14, 17)}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attrs if name.startswith("on"))}


@pytest.mark.parametrize("name", [*WORDS, EVERYTHING, LONG], ids=lambda name: repr(name)[:20])
def test_hostile_names_harm_nothing(honest: Report, newer: Report, detailed: Report, name: str) -> None:
    older = late = with_names(replace(newer, signal=detailed.signal), name)
    older, late = (replace(one, images=honest.images, examples=()) for one in (older, late))
    hostile: list[tuple[Document, tuple[ReportFormat, ...]]] = [
        (compared(older, late, name), WRITE_COMPARISONS),
        (several_compared(older, late, name), WRITE_COMPARISONS),
        (over_releases(older, late), WRITE_HISTORIES),
        (round_trip(with_baseline(replace(late, findings=late.findings[:1]), older, name)), tuple(ReportFormat)),
    ]
    for document, formats in hostile:
        for format in formats:
            text = render(document, format, Page(80))
            assert "\x1b" not in text
            assert "\u202e" not in text or format is ReportFormat.JSON
            if format is ReportFormat.HTML:
                assert len(text.encode()) <= LARGEST_PAGE
                tags = _Tags()
                tags.feed(text)
                assert not tags.found & {"script", "img", "onerror"}
            if format is ReportFormat.MARKDOWN:
                html = {token.content for token in tokens(text) if token.type == "html_inline"}
                assert html <= {COMMENT}
                assert len(text.encode()) <= LARGEST


def test_every_format_says_what_a_report_was_held_against(fake: Report) -> None:
    report = round_trip(with_baseline(replace(fake, findings=fake.findings[:1]), fake))
    for format in (ReportFormat.TERMINAL, ReportFormat.MARKDOWN, ReportFormat.HTML, ReportFormat.JUNIT):
        text = render(report, format, Page(100))
        assert "v1.json" in text, format
        assert "GM103" in text, f"{format}: gone"
    results = json.loads(render(report, ReportFormat.SARIF, Page()))["runs"][0]["results"]
    absent = [(one["ruleId"], one["kind"], one["level"]) for one in results if one["baselineState"] == "absent"]
    assert set(absent) == {(code, "pass", "none") for code in ("SP202", "GM103", "MF405")} - {
        ("SP202", "pass", "none")
    } | {("SP202", "pass", "none")}


def test_what_was_not_checked_is_not_called_absent(fake: Report) -> None:
    from bnnaudit.core.finding import Skip

    skipped = tuple(Skip(check.check, "no time") for check in fake.checks if check.rule == "SP202")
    report = with_baseline(replace(fake, findings=fake.findings[:1], skipped=skipped), fake)
    results = json.loads(render(report, ReportFormat.SARIF, Page()))["runs"][0]["results"]
    assert "SP202" not in {one["ruleId"] for one in results if one["baselineState"] == "absent"}
    assert "no time" in render(report, ReportFormat.TERMINAL, Page(100, verbose=True))


def test_a_fingerprint_is_the_same_while_a_finding_is_there_and_when_it_is_gone(fake: Report) -> None:
    def prints(report: Report) -> dict[str, str]:
        results = json.loads(render(report, ReportFormat.SARIF, Page()))["runs"][0]["results"]
        return {one["ruleId"]: one["partialFingerprints"]["bnnaudit/v1"] for one in results}

    gone = with_baseline(replace(fake, findings=()), fake)
    assert prints(gone)["FR301"] == prints(fake)["FR301"]
