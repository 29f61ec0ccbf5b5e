"""`compare` through the real command line: exit codes, files, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from bnnaudit.core.report import Report
from bnnaudit.core.suite import Suite
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.reports.json.schema import report_schema, schema_of
from bnnaudit.reports.json.writer import write_json
from bnnaudit.reports.page import Page
from tests.cli.conftest import Ran
from tests.releases.conftest import Make, found, rows

Bnnaudit = Callable[..., Ran]
GOOD = [True] * 100
LESS, MUCH_LESS = [False] * 3 + [True] * 97, [False] * 30 + [True] * 70


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Report | Suite], str]:
    monkeypatch.chdir(tmp_path)

    def written(name: str, document: Report | Suite) -> str:
        (tmp_path / name).write_text(write_json(document, Page()))
        return name

    return written


@pytest.mark.parametrize(
    ("verified", "words", "code"),
    [
        (GOOD, (), 0),
        (LESS, (), 0),
        (LESS, ("--max-drop", "0.02"), 3),
        (LESS, ("--max-drop", "2%", "--decide", "estimate"), 1),
        (LESS, ("--max-drop", "50%"), 0),
        (MUCH_LESS, (), 1),
        (MUCH_LESS, ("--fail-on", "never"), 1),
        (MUCH_LESS, ("--max-drop", "1.2"), 2),
    ],
)
def test_exit_codes(
    bnnaudit: Bnnaudit,
    write: Callable[..., str],
    release: Make,
    verified: list[bool],
    words: tuple[str, ...],
    code: int,
) -> None:
    older, newer = write("a.json", release(rows(GOOD, GOOD))), write("b.json", release(rows(GOOD, verified)))
    assert bnnaudit("compare", older, newer, *words).code == code


def test_a_new_finding(bnnaudit: Bnnaudit, write: Callable[..., str], release: Make) -> None:
    older, newer = (
        write("a.json", release(rows(GOOD, GOOD))),
        write("b.json", release(rows(GOOD, GOOD), [found("FR301")])),
    )
    ran = bnnaudit("compare", older, newer)
    assert ran.code == 1
    assert "NEW ERROR FR301" in ran.out
    assert ran.out.splitlines()[-1].startswith("FAIL  new or worse: FR301")
    back = bnnaudit("compare", newer, older)
    assert back.code == 0
    assert "GONE ERROR FR301" in back.out
    assert bnnaudit("compare", older, newer, "--fail-on", "never").code == 0


def test_bad_input_is_one_line_and_2(bnnaudit: Bnnaudit, write: Callable[..., str], release: Make) -> None:
    good = write("a.json", release(rows(GOOD, GOOD)))
    other = write("l2.json", replace(release(rows(GOOD, GOOD)), threat=Threat(Norm.L2, 0.5)))
    Path("broken.json").write_text("{")
    Path("other.json").write_text('{"schema": "bnnaudit-reproduction/1"}')
    for words in ((good, "none.json"), ("broken.json", good), (good, "other.json"), (good, other), (good,), (good, "")):
        ran = bnnaudit("compare", *words)
        assert ran.code == 2, words
        assert ran.out == ""
        assert len(ran.err.splitlines()) == 1, ran.err


@pytest.mark.parametrize("format", ["sarif", "junit", "csv", "github", "intoto", "cyclonedx"])
def test_formats_about_one_model_are_refused(
    bnnaudit: Bnnaudit,
    write: Callable[..., str],
    release: Make,
    format: str,
) -> None:
    good = write("a.json", release(rows(GOOD, GOOD)))
    ran = bnnaudit("compare", good, good, "--report", f"{format}=x")
    assert (ran.code, Path("x").exists()) == (2, False)
    assert bnnaudit("compare", good, good, "--format", format).code == 2


def test_files(bnnaudit: Bnnaudit, write: Callable[..., str], release: Make) -> None:
    older, newer = (
        write("a.json", release(rows(GOOD, GOOD))),
        write("b.json", release(rows(GOOD, MUCH_LESS), [found("FR301")])),
    )
    reports = ("--report", "c.json", "--report", "c.md", "--report", "c.html")
    ran = bnnaudit("compare", older, newer, "-o", "c.txt", *reports)
    assert ran.code == 1
    assert len(ran.out.splitlines()) == 1, "the line for a log alone"
    for name in ("c.txt", "c.md", "c.html"):
        assert "FR301" in Path(name).read_text(), name
        assert "-30.0" in Path(name).read_text(), name
    document = json.loads(Path("c.json").read_text())
    registry: Registry[object] = Registry().with_resource(
        "urn:bnnaudit:report:1", Resource.from_contents(report_schema())
    )
    Draft202012Validator(schema_of("bnnaudit-comparison/1"), registry=registry).validate(document)
    assert document["models"][0]["drops"][1]["drop"]["value"] == pytest.approx(0.3)
    refused = bnnaudit("compare", older, newer, "--report", "json=a.json")
    assert refused.code == 2
    assert "the older report" in refused.err


def test_a_failed_comparison_leaves_no_clean_looking_file(
    bnnaudit: Bnnaudit,
    write: Callable[..., str],
    release: Make,
) -> None:
    good = write("a.json", release(rows(GOOD, GOOD)))
    assert bnnaudit("compare", good, good, "--report", "c.json", "--report", "c.md").code == 0
    assert bnnaudit("compare", good, "none.json", "--report", "c.json", "--report", "c.md").code == 2
    assert json.loads(Path("c.json").read_text())["schema"] == "bnnaudit-failure/1"
    assert "none.json" in Path("c.md").read_text()


def test_suites(bnnaudit: Bnnaudit, write: Callable[..., str], release: Make) -> None:
    made = release(rows(GOOD, GOOD))
    older = Suite(made.provenance, (made, release(rows(GOOD, GOOD), model="gone.onnx")))
    newer = Suite(made.provenance, (release(rows(GOOD, MUCH_LESS)), release(rows(GOOD, GOOD), model="new.onnx")))
    ran = bnnaudit("compare", write("a.json", older), write("b.json", newer))
    assert ran.code == 1
    assert "Only in the older release, and not compared: gone.onnx" in " ".join(ran.out.split())
    assert "Only in the newer release, and not compared: new.onnx" in " ".join(ran.out.split())
