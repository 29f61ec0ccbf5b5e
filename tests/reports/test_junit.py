"""JUnit XML: read back by junitparser and by strict parsers, and never greener than the gate."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from junitparser import Error, JUnitXml, Skipped, TestCase
from junitparser import Failure as Failed
from lxml import etree

from bnnaudit.core.errors import UsageError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import BaselineState, CatalogueCheck, Fault, Skip
from bnnaudit.core.gate import Outcome
from bnnaudit.core.policy import FailOn
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.documents import Audited
from bnnaudit.reports.json.reading import round_trip
from bnnaudit.reports.junit import write_junit
from bnnaudit.reports.page import Page

SCHEMA = Path(__file__).parent / "schemas" / "junit-10.xsd"


def read(document: Audited) -> JUnitXml:
    """As the library reads it that pipelines use."""
    return JUnitXml.fromstring(write_junit(document, Page(80)).encode())


def outcome(case: TestCase) -> str:
    """Its only result, `passed` where there is none."""
    names = {Failed: "failed", Error: "error", Skipped: "skipped"}
    results = [names[type(result)] for result in case.result]
    assert len(results) <= 1
    return results[0] if results else "passed"


def outcomes(document: Audited) -> dict[str, str]:
    """Of each case of the first suite by its name."""
    suite = next(iter(read(document)))
    found = {case.name: outcome(case) for case in suite}
    assert len(found) == len(list(suite)), "two cases of one name"
    return found


def case_of(document: Audited, beginning: str) -> TestCase:
    """The only case whose name begins so."""
    (case,) = (case for suite in read(document) for case in suite if case.name.startswith(beginning))
    return case


@pytest.fixture
def everything(runs: dict[str, Audited], enormous: Report) -> dict[str, Audited]:
    return {**runs, "enormous": enormous}


def test_it_is_valid_as_jenkins_takes_it(everything: dict[str, Audited]) -> None:
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    for name, document in everything.items():
        tree = etree.fromstring(write_junit(document, Page(80)).encode())
        assert schema.validate(tree), f"{name}: {schema.error_log}"


def test_every_parser_takes_names_of_strangers(everything: dict[str, Audited]) -> None:
    for document in everything.values():
        text = write_junit(document, Page(80))
        assert text.isascii()
        shown = "".join(ElementTree.fromstring(text).itertext())
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
        assert len(text) < 100_000


def test_it_shows_what_the_json_holds_and_nothing_else(runs: dict[str, Audited]) -> None:
    for name, document in runs.items():
        kept = round_trip(document)
        assert write_junit(kept, Page(80)) == write_junit(round_trip(kept), Page(120, color=True)), name


def test_a_document_that_is_no_audit_is_refused(facts: ModelFacts) -> None:
    with pytest.raises(UsageError, match="junit"):
        write_junit(facts, Page(80))


def test_each_check_and_each_criterion_is_a_case(fake: Report) -> None:
    assert outcomes(fake) == {
        "gate audit: a verdict about the model": "passed",
        "gate findings: no finding of level error": "failed",
        "gate min-clean: clean accuracy of at least 90 %": "passed",
        "gate min-verified: verified accuracy of at least 30 %": "failed",
        "gate max-gap: claimed accuracy at most 5 points above the verified one": "failed",
        "gate required-check: an outcome of random-search": "error",
        "gate required-check: an outcome of SP202": "passed",
        "GM103 transfer-beats-white-box": "passed",
        "GM105 restarts-help-too-much": "error",
        "GM106 random-search-beats-gradient": "skipped",
        "GM112 unstable-under-noise": "passed",
        "SP202 saturated-error-signal": "failed",
        "FR301 fake-robustness": "failed",
        "MF405 low-clean-accuracy": "passed",
    }


def test_the_counts_are_those_of_the_cases(suite: Suite) -> None:
    root = read(suite)
    assert [(one.tests, one.failures, one.errors, one.skipped) for one in root] == [
        (14, 5, 2, 1),
        (9, 0, 0, 0),
        (1, 0, 1, 0),
    ]
    assert (root.tests, root.failures, root.errors) == (24, 5, 3)


def test_what_the_gate_does_not_count_passes_and_is_told_all_the_same(fake: Report) -> None:
    """A warning below the level of the policy, a waived finding, and one that the baseline had."""
    assert "waived until 2030-01-31" in (case_of(fake, "GM103").system_out or "")
    assert fake.gate is not None
    errors_only = replace(fake.gate, policy=replace(fake.gate.policy, fail_on=FailOn.ERROR))
    lenient = replace(fake, gate=errors_only)
    assert outcomes(lenient)["SP202 saturated-error-signal"] == "passed"
    assert "warning: For 71 % of the images" in (case_of(lenient, "SP202").system_out or "")
    known = replace(fake, findings=tuple(replace(each, baseline=BaselineState.UNCHANGED) for each in fake.findings))
    assert outcomes(known)["FR301 fake-robustness"] == "passed"


def test_a_failure_says_what_was_found_and_what_to_do(fake: Report) -> None:
    case = case_of(fake, "FR301")
    (failed,) = case.result
    assert failed.type == "error"
    assert failed.message.startswith("Ordinary PGD leaves 58.2 %")
    assert "verified accuracy: at most 0.0 % [0.0, 1.3], n = 300" in failed.text
    assert "what to do: Train with adversarial examples" in failed.text


def test_no_file_is_greener_than_its_gate(runs: dict[str, Any]) -> None:
    """Somebody who looks at nothing but failures and errors sees every gate that is not passed."""
    for name, document in runs.items():
        if isinstance(document, Report) and document.gate is not None:
            root = read(document)
            assert (root.failures > 0) == (document.gate.outcome is Outcome.FAILED), name
            if document.gate.outcome is Outcome.UNDECIDED:
                assert root.errors > 0, name


def test_an_audit_that_gave_no_report_is_an_error(failure: Failure) -> None:
    assert outcomes(failure) == {"audit": "error"}
    assert failure.message in case_of(failure, "audit").result[0].message


def test_a_run_that_judges_nothing_is_skipped_not_passed(attack_only: Report, fake: Report) -> None:
    assert outcomes(attack_only) == {"gate": "skipped"}
    found = replace(attack_only, findings=fake.findings[:1])
    assert outcomes(found) == {"gate": "skipped", "FR301 fake-robustness": "skipped"}


def test_a_fault_and_a_skip_that_are_no_check_of_the_catalogue_are_cases_too(honest: Report) -> None:
    report = replace(honest, faults=(Fault("replay", "it broke"),), skipped=(Skip("a sweep", "no time"),))
    assert {name: found for name, found in outcomes(report).items() if found != "passed"} == {
        "replay": "error",
        "a sweep": "skipped",
    }


def test_a_case_is_called_the_same_whether_it_ran_or_not(honest: Report, fake: Report) -> None:
    def checks(report: Report) -> set[str]:
        return {name for name in outcomes(report) if not name.startswith("gate")}

    assert checks(honest) == checks(fake)
    added = replace(honest, checks=(*honest.checks, CatalogueCheck("claim", "FR302", "claim-not-verified")))
    assert checks(added) - checks(honest) == {"FR302 claim-not-verified"}


def test_cases_are_grouped_by_model_and_threat(suite: Suite) -> None:
    groups = [{case.classname for case in one} for one in read(suite)]
    assert groups == [
        {"digits_bnn_waq_onnx.linf-0_3"},
        {"ref_adversarial_onnx.linf-8/255"},
        {"broken_onnx.audit"},
    ]


def test_models_of_one_name_in_two_folders_share_no_case(honest: Report, fake: Report) -> None:
    """GitLab shows one result only of cases that have the same class and name: the second one's failures would be gone."""
    here, there = (
        replace(report, model=replace(report.model, path=path), threat=honest.threat)
        for report, path in ((honest, "nets/a/m.onnx"), (fake, "nets/b/m.onnx"))
    )
    lost = Failure(honest.provenance, "nets/c/m.onnx", "it is none", ExitCode.BAD_INPUT)
    entries = (here, there, lost, replace(lost, model="other.onnx"))
    cases = [(case.classname, case.name) for one in read(Suite(honest.provenance, entries)) for case in one]
    assert len(set(cases)) == len(cases)
    assert {group for group, _ in cases if "other" in group} == {"other_onnx.audit"}


def test_the_figures_are_properties(fake: Report, claim_not_met: Report) -> None:
    properties = {each.name: each.value for each in next(iter(read(fake))).properties()}
    assert properties["model sha256"] == fake.model.sha256
    assert properties["threat"] == "L-inf 0.3"
    assert properties["clean accuracy"] == "98.3 % [96.1, 99.3]"
    assert properties["verified accuracy"] == "at most 0.0 % [0.0, 1.3]"
    assert (properties["status"], properties["gate"]) == ("fake-robustness", "failed")
    declared = {each.name: each.value for each in next(iter(read(claim_not_met))).properties()}
    assert declared["declared accuracy under attack"] == "66.0 %", "without an interval"


def test_it_has_no_time_but_that_of_the_audit(fake: Report) -> None:
    (suite,) = read(fake)
    assert suite.timestamp == "2024-05-04T10:20:30"
    assert "time=" not in write_junit(fake, Page(80)).replace("timestamp=", "")
