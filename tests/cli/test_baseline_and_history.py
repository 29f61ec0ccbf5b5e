"""`check --baseline` and `--history`, and `history`, through the real command line on small networks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from bnnaudit.cli.kept_reports import keep, kept_reports
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.reports.json.schema import report_schema, schema_of
from tests.cli.conftest import Ran, write_model
from tests.cli.test_exit_codes import QUICK
from tests.releases.conftest import Make, rows

Check = Callable[..., Ran]


@pytest.fixture
def check(bnnaudit: Check, folder: Path) -> Check:
    return lambda *words: bnnaudit("check", "--data", "images.npz", "-q", *QUICK, *words)


@pytest.fixture
def baseline(check: Check) -> str:
    """What is known of the model whose robustness is fake."""
    assert check("fake.onnx", "-o", "base.json").code == ExitCode.FAILED
    return "base.json"


def test_what_was_so_before_passes(check: Check, baseline: str) -> None:
    ran = check(
        "fake.onnx", "--baseline", baseline, "--report", "now.json", "--report", "now.sarif", "--min-verified", "0.9"
    )
    assert ran.code == ExitCode.PASSED, ran.out
    assert "as in the baseline" in ran.out.splitlines()[-1]
    document = json.loads(Path("now.json").read_text())
    Draft202012Validator(report_schema()).validate(document)
    assert {one["baseline"] for one in document["findings"]} == {"unchanged"}
    assert document["baseline"]["images"]["paired"] == document["baseline"]["images"]["older"] > 0
    results = json.loads(Path("now.sarif").read_text())["runs"][0]["results"]
    assert {one["baselineState"] for one in results} == {"unchanged"}


def test_what_is_worse_fails_and_what_is_gone_is_absent(check: Check, baseline: str) -> None:
    assert check("honest.onnx", "-o", "honest.json").code == ExitCode.PASSED
    worse = check("fake.onnx", "--baseline", "honest.json", "--report", "worse.sarif")
    assert worse.code == ExitCode.FAILED
    assert "significantly below" in worse.out or "new" in worse.out
    better = check("honest.onnx", "--baseline", baseline, "--report", "better.sarif", "--report", "better.json")
    assert better.code == ExitCode.PASSED
    results = json.loads(Path("better.sarif").read_text())["runs"][0]["results"]
    absent = {one["ruleId"] for one in results if one["baselineState"] == "absent"}
    gone = {one["rule"] for one in json.loads(Path("better.json").read_text())["baseline"]["gone"]}
    assert "FR301" in gone == absent


def test_a_baseline_that_cannot_be_is_refused_before_the_audit(check: Check, baseline: str) -> None:
    Path("broken.json").write_text("{}")
    for words in (
        ("--baseline", "none.json"),
        ("--baseline", "broken.json"),
        ("--baseline", "images.npz"),
        ("--baseline", baseline, "--norm", "l2"),
        ("--baseline", baseline, "--eps", "0.1"),
        ("--max-drop", "0.1"),
        ("--baseline", baseline, "--report", f"json={baseline}"),
    ):
        before = Path(baseline).read_bytes()
        ran = check("fake.onnx", *words)
        assert ran.code == ExitCode.BAD_INPUT, words
        assert len(ran.err.splitlines()) == 1, ran.err
        assert Path(baseline).read_bytes() == before


def test_the_project_may_name_a_baseline_and_a_card_may_not(check: Check, baseline: str) -> None:
    Path("bnnaudit.toml").write_text(f'[policy]\nbaseline = "{baseline}"\n')
    assert check("fake.onnx").code == ExitCode.PASSED
    Path("bnnaudit.toml").write_text("[policy]\ntrust_cards = true\n")
    Path("fake.toml").write_text(f'[policy]\nbaseline = "{baseline}"\n')
    ran = check("fake.onnx")
    assert ran.code == ExitCode.BAD_INPUT
    assert "policy.baseline" in ran.err


def test_of_several_models_each_is_held_against_its_own(check: Check, baseline: str) -> None:
    ran = check("fake.onnx", "honest.onnx", "--baseline", baseline, "--report", "both.json")
    assert ran.code == ExitCode.PASSED
    first, second = json.loads(Path("both.json").read_text())["entries"]
    assert first["baseline"]["release"]["model"] == "fake.onnx"
    assert second["baseline"]["release"] is None


def test_reports_are_kept_and_drawn(check: Check, bnnaudit: Check) -> None:
    for _ in range(2):
        check("fake.onnx", "honest.onnx", "--history", "audits")
    check("fake.onnx", "--history", "audits", "--eps", "0.1")
    files = sorted(Path("audits").rglob("*"))
    assert len([path for path in files if path.suffix == ".json"]) == 5
    assert not [path for path in files if path.suffix == ".part"]
    Path("audits/broken.json").write_text("{")
    listed = bnnaudit("history", "--history", "audits")
    assert listed.code == 0
    assert "Skipped broken.json" in listed.out
    assert "5 reports on 2 models" in listed.out
    drawn = bnnaudit(
        "history",
        "fake",
        "--history",
        "audits",
        "--report",
        "h.json",
        "--report",
        "h.csv",
        "--report",
        "h.md",
        "--report",
        "h.html",
    )
    assert drawn.code == 0
    assert "3 reports on 1 model" in drawn.out
    document = json.loads(Path("h.json").read_text())
    registry = Registry().with_resource("urn:bnnaudit:report:1", Resource.from_contents(report_schema()))
    Draft202012Validator(schema_of("bnnaudit-history/1"), registry=registry).validate(document)
    assert [len(one["releases"]) for one in document["series"]] == [1, 2]
    assert len(Path("h.csv").read_text().splitlines()) == 4
    kept = Path("audits") / document["series"][0]["releases"][0]["file"]
    assert bnnaudit("compare", kept, kept).code == ExitCode.PASSED, "what is kept can be compared"


def test_a_history_that_is_not_there(bnnaudit: Check, folder: Path) -> None:
    (folder / "empty").mkdir()
    for words in (("--history", "none"), ("--history", "empty"), (), ("--history", "honest.onnx")):
        ran = bnnaudit("history", *words)
        assert ran.code == ExitCode.BAD_INPUT, words
        assert len(ran.err.splitlines()) == 1


def test_a_history_that_cannot_be_written_is_no_pass(check: Check, folder: Path) -> None:
    (folder / "audits").mkdir()
    (folder / "audits" / "honest.onnx").write_text("in the way")
    ran = check("honest.onnx", "--history", "audits")
    assert ran.code == ExitCode.BAD_INPUT
    assert "history" in ran.err
    assert check("honest.onnx", "--history", "honest.onnx").code == ExitCode.BAD_INPUT


HOSTILE = (
    "../../etc/passwd",
    "..",
    ".",
    "a/b\\c",
    "x\x1b[31m\n.onnx",
    "n" * 300,
    "Fußgänger.onnx",
    "CON",
    "a b;rm -rf.onnx",
    "",
)


def test_hostile_names_stay_below_the_folder_and_apart(tmp_path: Path, release: Make) -> None:
    inside = tmp_path / "audits"
    written = [keep(release(rows([True], [True]), model=name), inside) for name in (*HOSTILE, "x?[31m_.onnx")]
    assert len({path for path in written}) == len(written)
    assert all(path.is_file() and path.resolve().is_relative_to(inside.resolve()) for path in written)
    assert all(path.parent.parent == inside and path.relative_to(inside).as_posix().isascii() for path in written)
    assert [path.name for path in tmp_path.iterdir()] == ["audits"]
    kept, skipped = kept_reports(inside)
    assert (len(kept), skipped) == (len(written), [])


def test_nothing_is_ever_replaced(tmp_path: Path, release: Make) -> None:
    report = release(rows([True], [True]))
    first = keep(report, tmp_path)
    content = first.read_bytes()
    second = keep(replace(report, advice=()), tmp_path)
    third = keep(replace(report, provenance=replace(report.provenance, created="a\0b")), tmp_path)
    assert len({first, second, third}) == 3
    assert first.read_bytes() == content


def test_a_second_model_of_the_same_path_is_told_apart_by_its_digest(check: Check, folder: Path) -> None:
    check("honest.onnx", "--history", "audits")
    write_model(folder / "honest.onnx", scale=0.06)
    check("honest.onnx", "--history", "audits")
    names = [path.stem.rpartition("-")[2] for path in Path("audits").rglob("*.json")]
    assert len(set(names)) == 2
