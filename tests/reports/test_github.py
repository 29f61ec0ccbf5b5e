"""Annotations: escaped as the runner reads them, the most important first, never more than GitHub shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pytest

from bnnaudit.core.errors import UsageError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Severity
from bnnaudit.core.gate import Gate
from bnnaudit.core.policy import FailOn, Policy
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.github import MOST, write_github
from bnnaudit.reports.page import Page

COMMAND = re.compile(r"^::(?P<level>\w+) (?P<properties>[^:]*)::(?P<message>.*)$")


@dataclass(frozen=True)
class Read:
    level: str
    properties: dict[str, str]
    message: str


def read(document: Report | Suite | Failure) -> list[Read]:
    """What the runner makes of the lines: the first `::` after the properties ends them, a comma each of them."""
    found = []
    for line in write_github(document, Page()).split("\n")[:-1]:
        match = COMMAND.match(line)
        assert match, line
        properties = dict(part.split("=", 1) for part in match["properties"].split(","))
        unescaped = {
            name: unescape(value.replace("%3A", ":").replace("%2C", ",")) for name, value in properties.items()
        }
        found.append(Read(match["level"], unescaped, unescape(match["message"])))
    return found


def unescape(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def test_the_gate_criteria_and_findings_are_annotations_of_the_model_file(fake: Report) -> None:
    found = read(fake)
    assert {each.properties["file"] for each in found} == {fake.model.path}
    assert [(each.level, each.properties["title"]) for each in found] == [
        ("error", "bnnaudit: exit code 1 (failed)"),
        ("error", "bnnaudit: min-verified failed"),
        ("error", "bnnaudit: max-gap failed"),
        ("error", "FR301 fake-robustness"),
        ("error", "SP202 saturated-error-signal"),
        ("warning", "bnnaudit: required-check undecided"),
        ("warning", "bnnaudit: restarts broke"),
        ("notice", "GM103 transfer-beats-white-box (waived)"),
        ("notice", "MF405 low-clean-accuracy"),
    ]
    assert found[3].message == fake.findings[0].message
    assert found[1].message == (
        "asked: verified accuracy of at least 30 %; found: at most 0.0 % [0.0, 1.3]: the upper bound is below"
    )


def test_an_error_is_what_fails_the_gate(fake: Report, honest: Report) -> None:
    """SP202 is a warning that fails by this policy; where findings never fail, an error-level one is a warning."""
    assert fake.gate is not None
    never = replace(fake, gate=Gate(Policy(fail_on=FailOn.NEVER), fake.gate.criteria[:1]))
    levels = {each.properties["title"][:5]: each.level for each in read(never)}
    assert (levels["FR301"], levels["SP202"], levels["MF405"]) == ("warning", "warning", "notice")
    asked_nothing = {each.properties["title"][:5]: each.level for each in read(replace(fake, gate=None))}
    assert asked_nothing["FR301"] == "error"
    assert [(each.level, each.message[:17]) for each in read(honest)] == [("notice", "PASS  gate passed")]


def test_a_waived_finding_is_a_notice_whatever_its_level(fake: Report) -> None:
    waived = replace(fake.findings[0], waiver=fake.findings[2].waiver)
    (found,) = [each for each in read(replace(fake, findings=(waived,))) if "FR301" in each.properties["title"]]
    assert found.level == "notice"
    assert found.message.startswith("Waived until 2030-01-31 by ml-release: accepted for the pilot")


def test_what_is_undecided_is_a_warning_and_says_how_many_images_decide(straddled: Report, undecided: Report) -> None:
    found = read(straddled)
    assert {each.level for each in found} == {"warning"}
    assert "about 1,400 more images would decide" in found[1].message
    assert any("replay broke" in each.message for each in read(undecided))


def test_a_failure_is_an_error(failure: Failure) -> None:
    (found,) = read(failure)
    assert (found.level, found.properties["file"], found.message) == ("error", "broken.onnx", failure.message)
    assert found.properties["title"] == "bnnaudit: not audited, exit code 2 (bad input or usage)"
    (bug,) = read(replace(failure, exit_code=ExitCode.BUG))
    assert bug.properties["title"] == "bnnaudit: not audited, exit code 70 (a bug in bnnaudit)"


def test_ten_of_a_level_are_shown_and_the_last_counts_the_others(fake: Report, failure: Failure) -> None:
    many = tuple(replace(fake.findings[0], severity=severity) for severity in Severity for _ in range(25))
    found = read(Suite(fake.provenance, (replace(fake, findings=many), failure)))
    counts = {level: sum(each.level == level for each in found) for level in ("error", "warning", "notice")}
    assert counts == {"error": MOST, "warning": 2, "notice": MOST}
    errors = [each for each in found if each.level == "error"]
    assert errors[0].properties["title"] == "bnnaudit: exit code 1 (failed)"
    assert "not audited" in errors[1].properties["title"]
    # 1 answer, 1 failure, 2 criteria, 25 errors and 25 warnings that count: 9 are shown
    assert errors[-1].properties["title"] == "bnnaudit: 45 more errors"
    exactly = replace(fake, gate=None, findings=many[:10], faults=())
    assert sum(each.level == "error" for each in read(exactly)) == MOST
    assert not any("more" in each.properties["title"] for each in read(exactly))


def test_properties_and_messages_are_escaped(fake: Report) -> None:
    odd = replace(fake, model=replace(fake.model, path="a,b:c%d=e.onnx"))
    assert "file=a%2Cb%3Ac%25d=e.onnx,title=" in write_github(odd, Page())
    assert read(odd)[0].properties["file"] == "a,b:c%d=e.onnx"
    assert "58.2 %25 [52.5, 63.7]" in write_github(fake, Page())


def test_no_name_starts_a_command_of_its_own(hostile: Report, enormous: Report) -> None:
    for report in (hostile, enormous):
        text = write_github(report, Page())
        assert text.isprintable() or "\n" in text
        for line in text.split("\n")[:-1]:
            assert COMMAND.match(line)
            assert line.isprintable()
            assert "##[" not in line.split("::")[0]
            assert len(line) < 8_000
        assert len(text.splitlines()) <= 3 * MOST


def test_a_run_that_judged_nothing_is_a_notice(attack_only: Report) -> None:
    (found,) = read(attack_only)
    assert (found.level, found.message[:20]) == ("notice", "adversarial accuracy")
    (empty,) = read(Suite(attack_only.provenance, ()))
    assert empty.message == "no model was audited"


def test_other_documents_are_refused(facts: ModelFacts) -> None:
    with pytest.raises(UsageError, match="github"):
        write_github(facts, Page())
