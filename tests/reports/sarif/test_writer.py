"""SARIF: valid, and right in what viewers and code scanning read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

from bnnaudit.core.errors import UsageError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.facts import ModelFacts, ModelFormat
from bnnaudit.core.finding import BaselineState, Confidence, Fault, Skip
from bnnaudit.core.gate import CriterionKind, Outcome
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite, exit_code_of
from bnnaudit.reports.documents import Audited
from bnnaudit.reports.json.reading import round_trip
from bnnaudit.reports.page import Page
from bnnaudit.reports.sarif.rules import GATE_RULES, SECURITY_SEVERITY
from bnnaudit.reports.sarif.writer import write_sarif

SCHEMA = json.loads((Path(__file__).parent.parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
URI_REFERENCE = re.compile(r"(file://)?(?:[A-Za-z0-9\-._~!$&'()*+,;=@/]|%[0-9A-F]{2})+")
"""What RFC 3986 allows in the path of a relative reference or a file address."""
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def log_of(document: Audited) -> Any:
    """The log, read back."""
    return json.loads(write_sarif(document, Page(80)))


def run_of(document: Report | Failure) -> Any:
    """Its only run."""
    (run,) = log_of(document)["runs"]
    return run


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, and the key that it stands at."""
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from texts(entry, name)
    elif isinstance(value, list):
        for entry in value:
            yield from texts(entry, key)
    elif isinstance(value, str):
        yield key, value


def notifications(run: Any) -> list[tuple[str, str]]:
    """Kind and level of each, those of the configuration last."""
    (invocation,) = run["invocations"]
    both = invocation["toolExecutionNotifications"] + invocation["toolConfigurationNotifications"]
    return [(entry["descriptor"]["id"], entry["level"]) for entry in both]


@pytest.fixture
def everything(runs: dict[str, Audited], enormous: Report) -> dict[str, Audited]:
    return {**runs, "enormous": enormous}


def test_it_is_valid_by_the_schema_of_the_standard(everything: dict[str, Audited]) -> None:
    validator = jsonschema.Draft4Validator(SCHEMA)
    for name, document in everything.items():
        assert [error.message for error in validator.iter_errors(log_of(document))] == [], name


def test_it_shows_what_the_json_holds_and_nothing_else(runs: dict[str, Audited]) -> None:
    for name, document in runs.items():
        read = round_trip(document)
        assert write_sarif(read, Page(80)) == write_sarif(round_trip(read), Page(120, color=True)), name
        if name != "hostile":  # its lone surrogates are no Unicode, and JSON has none
            assert write_sarif(read, Page(80)) == write_sarif(document, Page(80)), name


def test_a_document_that_is_no_audit_is_refused(facts: ModelFacts) -> None:
    with pytest.raises(UsageError, match="sarif"):
        write_sarif(facts, Page(80))


def test_every_result_is_located_in_the_model_file(everything: dict[str, Audited]) -> None:
    for document in everything.values():
        for run in log_of(document)["runs"]:
            (artifact,) = run["artifacts"]
            for result in run["results"]:
                (location,) = result["locations"]
                place = location["physicalLocation"]
                assert place["region"] == {"startLine": 1}
                assert place["artifactLocation"] == {**artifact["location"], "index": 0}
                assert URI_REFERENCE.fullmatch(artifact["location"]["uri"])


def test_the_artifact_has_the_digest_of_the_model(fake: Report) -> None:
    assert run_of(fake)["artifacts"][0]["hashes"] == {"sha-256": fake.model.sha256}
    in_memory = replace(fake, model=replace(fake.model, format=ModelFormat.MODULE))
    assert "hashes" not in run_of(in_memory)["artifacts"][0]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("models/net.onnx", "models/net.onnx"),
        ("./models//net.onnx", "models/net.onnx"),
        ("my nets/100%#1?.onnx", "my%20nets/100%25%231%3F.onnx"),
        ("Fußgänger.onnx", "Fu%C3%9Fg%C3%A4nger.onnx"),
        ("c:drive.onnx", "c%3Adrive.onnx"),
        ("", "model"),
    ],
)
def test_a_relative_path_stays_relative_to_a_declared_folder(fake: Report, path: str, uri: str) -> None:
    run = run_of(replace(fake, model=replace(fake.model, path=path)))
    address = run["artifacts"][0]["location"]
    assert address == {"uri": uri, "uriBaseId": "%SRCROOT%"}
    assert address["uriBaseId"] in run["originalUriBaseIds"]
    assert not path.startswith("Fu") or unquote(uri) == path


def test_an_absolute_path_is_a_file_address(fake: Report) -> None:
    run = run_of(replace(fake, model=replace(fake.model, path="/srv/my nets/net.onnx")))
    assert run["artifacts"][0]["location"] == {"uri": "file:///srv/my%20nets/net.onnx"}
    assert "originalUriBaseIds" not in run


def test_the_rule_index_is_that_of_the_rule(everything: dict[str, Audited], fake: Report) -> None:
    twice = replace(fake, findings=(fake.findings[0], *fake.findings))
    for document in (twice, *everything.values()):
        for run in log_of(document)["runs"]:
            rules = run["tool"]["driver"]["rules"]
            assert len({rule["id"] for rule in rules}) == len(rules)
            assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
                result["ruleId"] for result in run["results"]
            ]
    assert [result["ruleIndex"] for result in run_of(twice)["results"]][:3] == [0, 0, 1]


def test_a_rule_has_its_full_help_in_text_and_in_markdown(fake: Report) -> None:
    rule = fake.findings[0].rule
    described = run_of(fake)["tool"]["driver"]["rules"][0]
    assert described["id"] == "FR301"
    assert described["name"] == "fake-robustness"
    assert described["shortDescription"]["text"] == rule.summary
    assert described["fullDescription"]["text"] == rule.meaning
    for words in (rule.meaning, rule.measured, rule.threshold, rule.source, rule.remedy, rule.false_alarms):
        assert words in described["help"]["text"]
        assert words in described["help"]["markdown"]
    assert "## What to do\n" in described["help"]["markdown"]
    assert "https://arxiv.org/abs/2003.13511" in described["help"]["markdown"]


def test_no_rule_points_at_a_page_that_does_not_exist(everything: dict[str, Audited]) -> None:
    for document in everything.values():
        for run in log_of(document)["runs"]:
            assert "informationUri" not in run["tool"]["driver"]
            assert not any("helpUri" in rule for rule in run["tool"]["driver"]["rules"])


def test_level_precision_and_security_follow_from_the_rule_and_its_findings(fake: Report) -> None:
    unsure = replace(fake.findings[0], confidence=Confidence.LOW)
    run = run_of(replace(fake, findings=(*fake.findings, unsure)))
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    levels = {code: rule["defaultConfiguration"]["level"] for code, rule in rules.items() if code[:4] != "GATE"}
    assert levels == {"FR301": "error", "SP202": "warning", "GM103": "warning", "MF405": "note"}
    assert [result["level"] for result in run["results"][:4]] == ["error", "warning", "warning", "note"]
    precision = {code: rule["properties"]["precision"] for code, rule in rules.items()}
    assert precision["FR301"] == "low", "that of the least certain finding"
    assert (precision["SP202"], precision["GM103"]) == ("high", "medium")
    security = {code for code, rule in rules.items() if "security" in rule["properties"]["tags"]}
    assert security == {code for code, rule in rules.items() if "security-severity" in rule["properties"]} == {"FR301"}
    assert list(map(float, SECURITY_SEVERITY.values())) == sorted(map(float, SECURITY_SEVERITY.values()), reverse=True)


def test_every_kind_of_criterion_has_a_rule_in_full() -> None:
    assert set(GATE_RULES) == set(CriterionKind)


def test_a_criterion_that_failed_is_an_error_and_one_that_is_undecided_is_open(fake: Report) -> None:
    results = {result["ruleId"]: result for result in run_of(fake)["results"] if result["ruleId"].startswith("GATE/")}
    assert {code: (result["kind"], result["level"]) for code, result in results.items()} == {
        "GATE/findings": ("fail", "error"),
        "GATE/min-verified": ("fail", "error"),
        "GATE/max-gap": ("fail", "error"),
        "GATE/required-check": ("open", "none"),
    }
    missed = results["GATE/min-verified"]
    assert missed["message"]["text"].startswith("Not met: verified accuracy of at least 30 %; at most 0.0 %")
    assert missed["properties"]["threshold"] == 0.3
    assert missed["properties"]["bound"] == "upper bound"


def test_more_images_that_would_decide_are_told(straddled: Report) -> None:
    assert [result["properties"]["moreImages"] for result in run_of(straddled)["results"]] == [1400, 52_000]


def test_a_model_that_passes_has_no_result(honest: Report) -> None:
    run = run_of(honest)
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []


def test_a_baseline_state_is_there_only_if_a_baseline_was_given(fake: Report, compared: Report) -> None:
    assert not any("baselineState" in result for result in run_of(fake)["results"])
    states = [result["baselineState"] for result in run_of(compared)["results"]]
    found = dict.fromkeys(BaselineState, "")
    found.update({BaselineState.NEW: "new", BaselineState.UNCHANGED: "unchanged", BaselineState.WORSE: "updated"})
    expected = [found[finding.baseline] for finding in compared.findings if finding.baseline is not None]
    assert states[: len(expected)] == expected
    unmet = sum(one.outcome is not Outcome.PASSED for one in compared.gate.criteria) if compared.gate else 0
    checked = [gone for gone in compared.baseline.gone if not gone.unchecked] if compared.baseline else []
    assert states[len(expected) :] == ["new"] * unmet + ["absent"] * len(checked), "the gate is asked anew"


def test_a_waiver_is_a_suppression_with_its_owner_and_its_end(fake: Report) -> None:
    results = {result["ruleId"]: result for result in run_of(fake)["results"]}
    (suppression,) = results["GM103"]["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    for words in ("accepted for the pilot", "ml-release", "2030-01-31"):
        assert words in suppression["justification"]
    assert all(result["suppressions"] == [] for code, result in results.items() if code != "GM103")


def test_without_a_waiver_no_result_speaks_of_suppressions(claim_not_met: Report) -> None:
    results = run_of(claim_not_met)["results"]
    assert results
    assert not any("suppressions" in result for result in results)


@pytest.mark.parametrize(
    ("name", "successful", "exit_code"),
    [
        ("fake", False, 1),
        ("honest", True, 0),
        ("claim-not-met", True, 1),
        ("straddled", True, 3),
        ("undecided", False, 3),
        ("compared", True, 1),
        ("attack", True, 0),
        ("failure", False, 2),
    ],
)
def test_the_invocation_says_how_the_run_went(
    runs: dict[str, Any], name: str, successful: bool, exit_code: int
) -> None:
    """`fake` lacks a required check, and `undecided` broke; a threshold that is straddled is no fault of the run."""
    (invocation,) = run_of(runs[name])["invocations"]
    assert invocation["executionSuccessful"] is successful
    assert invocation["exitCode"] == exit_code == exit_code_of(runs[name])
    assert invocation["commandLine"] == runs[name].provenance.command


def test_a_suite_has_a_run_for_each_entry_and_the_exit_code_of_the_command(suite: Suite) -> None:
    log = log_of(suite)
    assert [run["invocations"][0]["exitCode"] for run in log["runs"]] == [2, 2, 2]
    assert [run["properties"]["exitCode"] for run in log["runs"]] == [1, 0, 2]
    assert [run["invocations"][0]["executionSuccessful"] for run in log["runs"]] == [False, True, False]


def test_an_audit_that_gave_no_report_looks_neither_clean_nor_like_a_finding(failure: Failure) -> None:
    run = run_of(failure)
    assert notifications(run) == [("not-audited", "error")]
    (result,) = run["results"]
    assert (result["ruleId"], result["kind"], result["level"]) == ("GATE/audit", "open", "none")
    assert failure.message in result["message"]["text"]


def test_a_bug_is_no_finding(failure: Failure) -> None:
    run = run_of(replace(failure, exit_code=ExitCode.BUG))
    assert run["invocations"][0]["exitCode"] == 70
    assert not any(result["kind"] == "fail" for result in run["results"])


def test_faults_skips_and_idle_waivers_are_notifications(fake: Report) -> None:
    assert notifications(run_of(fake)) == [
        ("fault", "warning"),
        ("skipped", "error"),
        ("expired-waiver", "warning"),
        ("unused-waiver", "note"),
    ]
    assert fake.gate is not None
    by_code = replace(fake, gate=replace(fake.gate, policy=replace(fake.gate.policy, require=("GM106",))))
    other = replace(fake, skipped=(Skip("noise", "no time"),))
    assert notifications(run_of(by_code))[1] == ("skipped", "error")
    assert notifications(run_of(other))[1] == ("skipped", "note")


def test_a_required_fault_and_a_missing_verdict_are_errors(undecided: Report) -> None:
    run = run_of(undecided)
    assert notifications(run)[:2] == [("fault", "error"), ("unfinished", "error")]
    assert [result["ruleId"] for result in run["results"]] == ["GATE/audit"]


def test_a_fault_that_is_not_required_does_not_spoil_the_run(honest: Report) -> None:
    (invocation,) = run_of(replace(honest, faults=(Fault("noise", "out of memory"),)))["invocations"]
    assert invocation["executionSuccessful"] is True


def test_a_run_that_judges_nothing_says_so(attack_only: Report) -> None:
    assert notifications(run_of(attack_only)) == [("not-judged", "note")]


def test_the_figures_stand_in_the_properties(fake: Report, claim_not_met: Report) -> None:
    properties = run_of(fake)["properties"]
    assert properties["cleanAccuracy"] == {"value": 0.9833, "ci95": [0.9614, 0.9929], "samples": 300}
    assert properties["ordinaryAccuracy"] == {"value": 0.582, "ci95": [0.525, 0.637], "samples": 300}
    assert properties["verifiedAccuracyAtMost"] == {"value": 0.0, "ci95": [0.0, 0.0126], "samples": 300}
    assert (properties["status"], properties["gate"]) == ("fake-robustness", "failed")
    declared = run_of(claim_not_met)["properties"]
    assert declared["declaredAccuracy"] == declared["claimedAccuracy"] == 0.66


def test_an_automation_id_has_no_time_and_no_two_runs_of_a_log_share_one(suite: Suite, fake: Report) -> None:
    ids = [run["automationDetails"]["id"] for run in log_of(suite)["runs"]]
    assert ids == [
        "bnnaudit/sample_models/digits_bnn_waq.onnx/linf-0.3/",
        "bnnaudit/ref_adversarial.onnx/linf-0.0313725/",
        "bnnaudit/broken.onnx/",
    ]
    again = replace(fake, provenance=replace(fake.provenance, created="2031-01-01T00:00:00+00:00"))
    assert run_of(again)["automationDetails"]["id"] == ids[0]
    twice = replace(suite, entries=(fake, again))
    assert len({run["automationDetails"]["id"] for run in log_of(twice)["runs"]}) == 2


def test_names_of_strangers_steer_nothing(everything: dict[str, Audited]) -> None:
    for document in everything.values():
        written = write_sarif(document, Page(80))
        assert written.isascii()
        for key, text in texts(json.loads(written)):
            assert not CONTROL.search(text), text
            if key in ("text", "markdown", "justification"):
                assert "](" not in text, "a link"
                assert not re.search(r"(?<!\{)(\{\{)*\{(?!\{)", text), "a placeholder"


def test_markdown_of_a_rule_holds_no_html(hostile: Report) -> None:
    markdown = run_of(hostile)["tool"]["driver"]["rules"][0]["help"]["markdown"]
    assert "&lt;script>" in markdown
    assert not re.search(r"<[A-Za-z/!?]", markdown)


def test_an_enormous_name_makes_no_enormous_file(enormous: Report) -> None:
    trimmed = replace(enormous, findings=enormous.findings[1:])  # rules are the program's own, and written in full
    assert len(write_sarif(trimmed, Page(80))) < 200_000


def test_no_outcome_but_passed_is_left_out(runs: dict[str, Any]) -> None:
    for document in runs.values():
        if isinstance(document, Report) and document.gate is not None:
            unmet = [each for each in document.gate.criteria if each.outcome is not Outcome.PASSED]
            absent = [each for each in document.baseline.gone if not each.unchecked] if document.baseline else []
            results = run_of(document)["results"]
            assert len(results) == len(document.findings) + len(unmet) + len(absent)
