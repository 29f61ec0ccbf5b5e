"""The page of a report: what it says and in which order, that nothing of a stranger's acts, and that it stays small."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from bnnaudit.core.errors import UsageError
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.image_rows import Example
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.html.room import LARGEST_PAGE
from bnnaudit.reports.html.writer import write_html
from bnnaudit.reports.page import Page
from tests.reports.html.outline import Outline
from tests.reports.pngs import png

PAGE = Page()
SECTIONS = [
    "What to do",
    "The model",
    "What the gate was asked",
    "Sweeps",
    "Attacks",
    "Signal propagation",
    "From symptom to verdict",
    "Counterexamples",
    "Images",
    "Not done, broken, waived",
    "Repeat and cite",
]


def outline(document: Report | Suite | Failure) -> Outline:
    return Outline(write_html(document, PAGE))


def test_the_verdict_comes_first_and_the_sections_follow_in_the_order_of_the_argument(fake: Report) -> None:
    headings = outline(fake).headings
    assert headings[0] == (1, "Fake robustness: at most 0.0\u00a0% withstand L-inf 0.3, not 58.2\u00a0%.")
    assert [text for level, text in headings if level == 2] == SECTIONS
    assert [level for level, _ in headings].count(1) == 1


def test_levels_of_headings_never_skip_one(runs: dict[str, Report | Suite | Failure]) -> None:
    for name, run in runs.items():
        levels = [level for level, _ in outline(run).headings]
        assert levels[0] == 1, name
        assert all(after <= before + 1 for before, after in pairwise(levels)), name


@pytest.mark.parametrize(
    ("name", "answer", "status"),
    [
        ("fake", "FAIL", "Fake robustness"),
        ("honest", "PASS", "Robust as claimed"),
        ("claim-not-met", "FAIL", "Claim not met"),
        ("straddled", "UNDECIDED", "Robust as claimed"),
        ("undecided", "UNDECIDED", "Inconclusive"),
        ("attack", "NOT ASKED", "No verdict"),
    ],
)
def test_what_the_gate_says_and_what_the_model_is_are_two_things(
    reports: dict[str, Report], name: str, answer: str, status: str
) -> None:
    text = outline(reports[name]).text
    assert any(line.startswith(f"The gate says | {answer}") for line in text.splitlines())
    assert status in text.split("Accuracy under")[0]


def test_verified_accuracy_is_always_at_most(reports: dict[str, Report]) -> None:
    for name, report in reports.items():
        if report.verdict is not None and report.verdict.verified_accuracy is not None:
            top = outline(report).text.split("95 % interval")[0]
            assert top.count("at most") >= 2, name


def test_a_suite_has_a_table_and_a_section_for_each_entry_and_its_links_lead_there(suite: Suite) -> None:
    page = outline(suite)
    assert page.headings[0] == (1, "3 audits: 1 not audited, 1 failed, 1 passed.")
    targets = {link.removeprefix("#") for link in page.attributes("href")}
    assert {"r1", "r2", "r3"} <= targets <= set(page.attributes("id"))


def test_anchors_are_unique(runs: dict[str, Report | Suite | Failure]) -> None:
    for name, run in runs.items():
        anchors = outline(run).attributes("id")
        assert len(anchors) == len(set(anchors)), name


def test_a_failure_never_looks_clean(failure: Failure, suite: Suite) -> None:
    for run in (failure, suite):
        text = outline(run).text
        assert "The audit failed; nothing is known about this model." in text
        assert failure.message in text
    alone = outline(failure)
    assert "NOT AUDITED" in alone.text
    assert "PASS" not in alone.text
    assert not any("good" in words for words in alone.attributes("class"))


def test_pictures_stand_in_the_page_with_what_they_show(fake: Report) -> None:
    page = outline(fake)
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 3 * len(fake.examples)
    assert all((image["src"] or "").startswith("data:image/png;base64,") for image in images)
    assert images[0]["alt"] == "Image 0, original, predicted as zero (0)"
    assert "perturbation 10 times, around mid-grey" in (images[1]["alt"] or "")


def test_a_picture_that_is_no_png_is_left_out_and_counted(fake: Report) -> None:
    broken = replace(fake.examples[0], original=b"<svg onload=alert(1)>")
    page = outline(replace(fake, examples=(broken, *fake.examples[1:])))
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 3 * (len(fake.examples) - 1)
    assert "1 more counterexamples are left out" in page.text


def test_nothing_of_a_strangers_becomes_an_element_or_an_attribute(
    hostile: Report, enormous: Report, fake: Report
) -> None:
    known = {tag for tag, _ in outline(replace(fake, signal=hostile.signal)).tags}
    names = {key for _, attributes in outline(replace(fake, signal=hostile.signal)).tags for key in attributes}
    for report in (hostile, enormous, Suite(fake.provenance, (hostile, enormous))):
        page = write_html(report, PAGE)
        seen = Outline(page)
        assert {tag for tag, _ in seen.tags} <= known | {"h4"}
        assert {key for _, attributes in seen.tags for key in attributes} <= names
        assert not re.search(r"<script|<img src=x|\x1b|\u202e", page, re.IGNORECASE)
        assert "49" not in seen.headings[0][1]


def test_nothing_is_asked_of_the_network_and_no_script_may_run(runs: dict[str, Report | Suite | Failure]) -> None:
    for name, run in runs.items():
        page = outline(run)
        policies = [attributes for tag, attributes in page.tags if tag == "meta" and "http-equiv" in attributes]
        assert [policy["content"] for policy in policies] == [
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
        ]
        assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "base", "form"}, name
        assert all(source.startswith("data:image/png;base64,") for source in page.attributes("src")), name
        assert all(link.startswith("#") for link in page.attributes("href")), name
        assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes), name


@pytest.mark.parametrize("shape", ["pictures", "rows", "names", "findings", "suite", "lists"])
def test_a_page_stays_small_whatever_the_report_holds(fake: Report, enormous: Report, shape: str) -> None:
    noise = b"".join(png(value % 256, value // 256, 7) for value in range(900))
    rows = tuple(replace(fake.images[0], index=index) for index in range(20_000))
    large: Report | Suite
    match shape:
        case "pictures":
            large = replace(
                fake, examples=tuple(Example(0, png(1, 2, 3) + noise, noise, noise, 2.0) for _ in range(50))
            )
        case "rows":
            large = replace(fake, images=rows)
        case "names":
            large = enormous
        case "findings":
            large = replace(fake, findings=fake.findings * 2_000)
        case "suite":
            large = Suite(fake.provenance, (fake, enormous, enormous) * 200)
        case _:
            large = replace(
                fake, attacks=fake.attacks * 1_000, skipped=fake.skipped * 5_000, faults=fake.faults * 5_000
            )
    started = time.monotonic()
    page = write_html(large, PAGE)
    assert len(page.encode()) <= LARGEST_PAGE
    assert time.monotonic() - started < 60
    assert shape == "names" or "left out" in page
    assert "</html>" in page


def test_pictures_go_before_rows_and_the_page_says_how_many(fake: Report) -> None:
    picture = png(1, 2, 3) + bytes(200_000)
    heavy = replace(
        fake,
        examples=tuple(Example(row.index, picture, picture, picture, 2.0) for row in fake.images),
        images=fake.images * 50,
    )
    page = outline(heavy)
    shown = len([tag for tag, _ in page.tags if tag == "img"]) // 3
    assert 0 < shown < len(heavy.examples)
    assert (
        f"{len(heavy.examples) - shown} more counterexamples are left out of this page; the JSON report holds all."
        in page.text
    )
    assert "images are left out" not in page.text


def test_the_same_report_gives_the_same_page(fake: Report, suite: Suite) -> None:
    for run in (fake, suite):
        assert len({write_html(run, page) for page in (Page(40), Page(120, color=True), Page(80, ascii=True))}) == 1


def test_a_document_that_is_no_audit_is_refused(facts: ModelFacts) -> None:
    with pytest.raises(UsageError, match="html"):
        write_html(facts, PAGE)
