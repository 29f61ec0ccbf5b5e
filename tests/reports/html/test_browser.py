"""The page in a real browser, headless Chromium: what it asks for, what it runs, how it lies on screens and paper."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from bnnaudit.core.comparison import Comparison
from bnnaudit.core.history import History
from bnnaudit.core.report import Report
from bnnaudit.core.reproduction import Reproduction
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.html.writer import write_html
from bnnaudit.reports.page import Page as ReportPage

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
AXE = files("axe_playwright_python").joinpath("axe.min.js")
SCREEN, PHONE = {"width": 1280, "height": 800}, {"width": 380, "height": 800}
Run = Report | Suite | Failure | Comparison | History | Reproduction

pytestmark = pytest.mark.skipif(
    not Path(CHROMIUM).exists(), reason="there is no Chromium here: apt-get install chromium installs it"
)


@dataclass
class Opened:
    """A page with all that it said and asked for since it was opened."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Without its own sandbox, which a container's root has no rights for: it opens our own files only.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    contexts = []

    def open_page(
        run: Run, viewport: dict[str, int] = SCREEN, scheme: str = "light", bypass_csp: bool = False
    ) -> Opened:
        path = tmp_path / "report.html"
        path.write_text(write_html(run, ReportPage()), encoding="utf-8")
        context = browser.new_context(viewport=viewport, color_scheme=scheme, bypass_csp=bypass_csp)  # type: ignore[arg-type]
        contexts.append(context)
        seen = Opened(context.new_page())

        def note(request: Request) -> None:
            if not request.url.startswith("data:image/png;base64,") and request.url != path.as_uri():
                seen.asked.append(request.url)

        seen.page.on("request", note)
        seen.page.on("console", lambda message: seen.said.append(message.text))
        seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
        seen.page.on("dialog", lambda dialog: (seen.said.append(dialog.message), dialog.dismiss()))
        seen.page.goto(path.as_uri())
        return seen

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def full(fake: Report, detailed: Report) -> Report:
    """A report with every section."""
    return replace(fake, signal=detailed.signal)


def test_the_verdict_the_gate_and_the_figures_are_seen_without_scrolling(
    opened: Callable[..., Opened], full: Report
) -> None:
    page = opened(full).page
    for selector in ("h1", ".badge.large", ".status", ".accuracies .figure >> nth=2"):
        box = page.locator(selector).first.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= SCREEN["height"], selector
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize("name", ["fake", "detailed", "hostile", "suite", "failure", "undecided"])
def test_no_message_no_request_and_no_scrolling_sideways_on_a_phone(
    opened: Callable[..., Opened], runs: dict[str, Run], name: str
) -> None:
    seen = opened(runs[name], PHONE)
    width = seen.page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    assert seen.page.evaluate("document.body.scrollWidth") <= PHONE["width"]
    assert seen.said == []
    assert seen.asked == []


def test_every_picture_is_there_and_decoded(opened: Callable[..., Opened], full: Report) -> None:
    widths = opened(full).page.evaluate("[...document.images].map(image => image.complete ? image.naturalWidth : 0)")
    assert len(widths) == 3 * len(full.examples)
    assert all(width > 0 for width in widths)


@pytest.mark.parametrize(
    ("name", "scheme", "viewport"),
    [
        *((name, scheme, SCREEN) for name in ("full", "suite", "failure", "hostile") for scheme in ("light", "dark")),
        ("full", "light", PHONE),
        ("suite", "dark", PHONE),
        ("attack", "dark", SCREEN),
    ],
)
def test_axe_finds_no_violation(
    opened: Callable[..., Opened], runs: dict[str, Run], full: Report, name: str, scheme: str, viewport: dict[str, int]
) -> None:
    page = opened({**runs, "full": full}[name], viewport, scheme).page
    page.evaluate("for (const rule of document.querySelectorAll('details')) rule.open = true")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(found => found.violations)")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in found] == []


@pytest.mark.parametrize("name", ["releases", "releases-of-suites", "history", "overview"])
@pytest.mark.parametrize("viewport", [SCREEN, PHONE], ids=["screen", "phone"])
def test_pages_about_several_releases_are_as_good(
    opened: Callable[..., Opened], over_releases: dict[str, Comparison | History], name: str, viewport: dict[str, int]
) -> None:
    seen = opened(over_releases[name], viewport)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    seen.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = seen.page.evaluate("axe.run().then(found => found.violations)")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in found] == []
    assert (seen.said, seen.asked) == ([], [])


@pytest.mark.parametrize("name", ["reproduced", "reproduced-several"])
@pytest.mark.parametrize("viewport", [SCREEN, PHONE], ids=["screen", "phone"])
def test_pages_of_the_paper_s_tables_are_as_good(
    opened: Callable[..., Opened], reproduced: dict[str, Reproduction], name: str, viewport: dict[str, int]
) -> None:
    seen = opened(reproduced[name], viewport, "dark")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    seen.page.evaluate("for (const rule of document.querySelectorAll('details')) rule.open = true")
    seen.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = seen.page.evaluate("axe.run().then(found => found.violations)")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in found] == []
    assert (seen.said, seen.asked) == ([], [])
    pictures = seen.page.locator("figure.paper svg")
    assert pictures.count() == (4 if name == "reproduced-several" else 0)


@pytest.mark.parametrize("bypass_csp", [False, True], ids=["as written", "without the policy that forbids scripts"])
def test_nothing_in_a_strangers_name_runs(
    opened: Callable[..., Opened], hostile: Report, suite: Suite, bypass_csp: bool
) -> None:
    for run in (hostile, Suite(suite.provenance, (hostile, *suite.entries))):
        seen = opened(run, bypass_csp=bypass_csp)
        seen.page.wait_for_timeout(100)
        assert seen.page.evaluate("window.harmed") is None
        assert seen.page.locator("script, iframe, link, object, [onerror], [onload]").count() == 0
        assert seen.said == []
        assert seen.asked == []


def test_the_test_for_scripts_would_see_one(opened: Callable[..., Opened], failure: Failure) -> None:
    page = opened(failure, bypass_csp=True).page
    page.set_content("<img src=x onerror='window.harmed = true'>")
    page.wait_for_timeout(100)
    assert page.evaluate("window.harmed") is True


def test_links_of_a_suite_lead_to_its_reports(opened: Callable[..., Opened], suite: Suite) -> None:
    page = opened(suite).page
    page.get_by_role("link", name="broken.onnx").click()
    assert page.url.endswith("#r3")
    assert page.locator("#r3").get_by_text("The audit failed").is_visible()


def test_on_paper_rules_are_open_and_tables_are_whole(opened: Callable[..., Opened], full: Report) -> None:
    page = opened(full).page
    rule = page.locator(".rule-text").first
    assert not rule.is_visible()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF-")
    page.emulate_media(media="print")
    box = rule.bounding_box()
    assert box is not None
    assert box["height"] > 0
    clipped = (
        "[...document.querySelectorAll('.scroll')].filter(box => getComputedStyle(box).overflowX !== 'visible').length"
    )
    assert page.evaluate(clipped) == 0


def test_the_scheme_of_the_reader_is_followed(opened: Callable[..., Opened], failure: Failure) -> None:
    grounds = [
        opened(failure, scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(255, 255, 255)", "rgb(17, 22, 28)"]


def test_a_keyboard_reaches_every_table_that_scrolls(opened: Callable[..., Opened], full: Report) -> None:
    page = opened(full, PHONE).page
    reach = "[...document.querySelectorAll('.scroll')].every(box => box.tabIndex === 0 && box.ariaLabel)"
    assert page.evaluate(reach) is True
