"""Every format writes every document, and has all that belongs to a format."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bnnaudit.reports
from bnnaudit.core.attack import Beta, BetaRule, Pgd
from bnnaudit.core.clever import Ball, CleverReport, CleverRow, CleverScore, CleverSettings
from bnnaudit.core.errors import UsageError
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Rule
from bnnaudit.core.report import Report
from bnnaudit.core.reproduction import TableName
from bnnaudit.core.sources import SOURCES
from bnnaudit.core.suite import Suite
from bnnaudit.reports.documents import Audited, Bibliography, Catalogue, CheckCost, Document, EffortTable
from bnnaudit.reports.formats import ABOUT_ONE_MODEL, WRITE_EVERYTHING, ReportFormat, render, writer_of
from bnnaudit.reports.page import Page
from tests.reports.releases import compared, over_releases
from tests.reports.reproductions import reproduction

MODULES, TESTS = Path(bnnaudit.reports.__file__).parent, Path(__file__).parent
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def documents(reports: dict[str, Report], runs: dict[str, Audited], facts: ModelFacts, rule: Rule) -> list[Document]:
    """One of each kind, and reports of every shape."""
    fake = reports["fake"]
    radii = dict.fromkeys(Ball, 1.0)
    scores = {ball: CleverScore(0.5, 0.4, 0.1) for ball in Ball}
    rows = (CleverRow(None, 1.0, scores), CleverRow(Beta(BetaRule.NJS), 0.1, scores))
    settings = CleverSettings((Beta(BetaRule.NJS),), radii)
    clever = CleverReport(fake.provenance, facts, fake.data, settings, 5, str(Pgd().surrogate), rows, 1.5)
    efforts = EffortTable((CheckCost("claim", ("FR302",), (20, 20, 20)), CheckCost("noise", ("GM112",), (None, 5, 5))))
    return [
        *runs.values(),
        facts,
        rule,
        Catalogue((rule, rule)),
        Bibliography((SOURCES["Gupta & Ajanthan 2022"],)),
        clever,
        reproduction(),
        reproduction(TableName.TABLE11, TableName.FIGURE1, TableName.FIGURE4),
        efforts,
        compared(fake, fake),
        over_releases(fake),
    ]


@pytest.mark.parametrize("format", ReportFormat)
def test_every_format_writes_every_document_or_refuses_it_as_bad_usage(
    format: ReportFormat, documents: list[Document]
) -> None:
    refused = []
    for document in documents:
        try:
            text = render(document, format, Page(80))
        except UsageError:
            refused.append(document)
            continue
        assert text.strip()
        assert text.endswith("\n")
    assert not any(isinstance(document, Report) for document in refused)
    assert (format in WRITE_EVERYTHING) == (not refused)


@pytest.mark.parametrize("format", ReportFormat)
def test_a_format_has_its_sources_and_its_tests(format: ReportFormat) -> None:
    name = str(format).replace("-", "_")
    assert (MODULES / name / "writer.py").is_file() or (MODULES / f"{name}.py").is_file(), (
        f"reports/{name}.py is missing"
    )
    assert (TESTS / name).is_dir() or (TESTS / f"test_{name}.py").is_file(), f"tests/reports/test_{name}.py is missing"


def writers(path: Path) -> list[str]:
    """The functions of a module that are writers: of a document and a page."""
    functions = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    ]
    signatures = {node.name: [argument.arg for argument in node.args.args] for node in functions}
    return [name for name, names in signatures.items() if names == ["document", "page"] and name.startswith("write_")]


def test_no_format_is_left_out_of_the_table() -> None:
    found = {path.relative_to(MODULES).parts[0].removesuffix(".py") for path in MODULES.rglob("*.py") if writers(path)}
    assert found == {str(format).replace("-", "_") for format in ReportFormat}
    assert all(writer_of(format).__module__.startswith("bnnaudit.reports.") for format in ReportFormat)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("ascii", [False, True])
def test_text_keeps_to_the_page_and_leaves_no_blanks_at_the_end(
    documents: list[Document], width: int, ascii: bool
) -> None:
    for document in documents:
        for color in (False, True):
            text = render(document, ReportFormat.TERMINAL, Page(width, color, ascii))
            assert not any(ESCAPE.sub("", line).endswith(" ") for line in text.splitlines())
        plain = render(document, ReportFormat.TERMINAL, Page(width, ascii=ascii))
        assert max(map(len, plain.splitlines())) <= width
        assert not ascii or plain.isascii()


def test_the_same_json_comes_on_every_page(documents: list[Document]) -> None:
    for document in documents:
        pages = (Page(40), Page(120, color=True), Page(80, ascii=True, verbose=True))
        assert len({render(document, ReportFormat.JSON, page) for page in pages}) == 1


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import bnnaudit.reports.formats", ("rich", "torch", "numpy", "onnx", "bnnaudit.core.report")),
        ("import bnnaudit.reports.terminal.writer, bnnaudit.reports.json.writer", ("torch", "numpy", "onnx")),
        (
            "import bnnaudit.reports.sarif.writer, bnnaudit.reports.junit, bnnaudit.reports.csv",
            ("torch", "numpy", "onnx", "rich"),
        ),
    ],
)
def test_naming_the_formats_is_cheap_and_none_needs_torch(code: str, heavy: tuple[str, ...]) -> None:
    script = f"{code}; import sys; print(*(name for name in {heavy!r} if name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


@pytest.mark.parametrize("format", ReportFormat)
def test_formats_about_one_model_are_those_that_refuse_several(format: ReportFormat, suite: Suite) -> None:
    try:
        render(suite, format, Page(80))
    except UsageError:
        assert format in ABOUT_ONE_MODEL
    else:
        assert format not in ABOUT_ONE_MODEL
