"""Audits as JUnit XML: a test suite for each, a test case for each check and for each criterion of the gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from xml.etree import ElementTree

from junitparser import Error, JUnitXml, Skipped, TestCase, TestSuite
from junitparser import Failure as Failed

from bnnaudit.core.finding import CatalogueCheck, Finding
from bnnaudit.core.gate import Criterion, Outcome
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure
from bnnaudit.reports.baseline_words import baseline_sentence
from bnnaudit.reports.documents import Document
from bnnaudit.reports.entries import entries_of
from bnnaudit.reports.measurement_words import measurement_words
from bnnaudit.reports.numbers import MISSING, count, percent, threat_text, with_interval
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import file_name, short
from bnnaudit.reports.verdict_words import waiver_words

LONGEST_TEXT = 2000
"""Signs of a message that are shown. Not tuned."""


def write_junit(document: Document, page: Page) -> str:
    """The test suites in ASCII, the same for every page.

    A finding that the gate counts, and a criterion that is not met, is a failure. What broke, what is undecided and a model that
    was not audited is an error, so that nobody who reads this file alone takes it for a pass. Findings that the gate does not
    count stand in the output of a case that passed. Raises UsageError for a document that is no audit.
    """
    root = JUnitXml("bnnaudit")
    entries = entries_of(document, "junit")
    names = _names(entry.model if isinstance(entry, Failure) else entry.model.path for entry in entries)
    for entry in entries:
        root.add_testsuite(_not_audited(entry, names) if isinstance(entry, Failure) else _suite(entry, names))
    root.update_statistics()
    return _text(root)


def _names(paths: Iterable[str]) -> dict[str, str]:
    """What each model is called: its file's name, or its path where another one's file has the same name.

    Services take cases of one name in one class for one case, and show only one of the results.
    """
    files = {path: file_name(path) for path in paths}
    several = {name for name, times in Counter(files.values()).items() if times > 1}
    return {path: short(path) if name in several else name for path, name in files.items()}


def _text(root: JUnitXml) -> str:
    """Indented by the standard library, because junitparser writes other bytes where lxml is installed.

    Without times, which no case has, and without a total that the schema of Jenkins does not know.
    """
    tree = ElementTree.fromstring(root.tostring())
    tree.attrib.pop("skipped", None)
    for element in tree.iter():
        element.attrib.pop("time", None)
    ElementTree.indent(tree)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(tree, encoding="us-ascii").decode("ascii")}\n'
    )


def _suite(report: Report, names: Mapping[str, str]) -> TestSuite:
    suite = TestSuite(f"{short(report.model.path)}, {threat_text(report.threat)}")
    suite.timestamp = short(report.provenance.created)[:19]
    for name, value in _properties(report):
        suite.add_property(name, short(value))
    group = _group(names[report.model.path], f"{report.threat.norm}-{threat_text(report.threat).split(' ', 1)[1]}")
    cases = [*_gate_cases(report), *_check_cases(report)]
    for case in cases:
        case.classname = group
    suite.add_testcases(cases)
    return suite


def _not_audited(failure: Failure, names: Mapping[str, str]) -> TestSuite:
    suite = TestSuite(short(failure.model))
    suite.timestamp = short(failure.provenance.created)[:19]
    suite.add_property("version", short(failure.provenance.version))
    suite.add_property("exit code", str(int(failure.exit_code)))
    case = TestCase("audit", _group(names[failure.model], "audit"))
    case.result = [_result(Error, failure.message, "not-audited")]
    suite.add_testcases([case])
    return suite


def _group(name: str, rest: str) -> str:
    """The class name: Jenkins takes what is before its last dot for a package, so no name in it has one."""
    return f"{name.replace('.', '_')}.{short(rest).replace('.', '_')}"


def _properties(report: Report) -> Iterator[tuple[str, str]]:
    verdict, data = report.verdict, report.data
    yield "version", report.provenance.version
    yield "command", report.provenance.command
    yield "model", report.model.path
    yield "model sha256", report.model.sha256
    yield "data", data.source
    yield "data sha256", data.sha256
    yield "images", count(data.samples)
    yield "threat", threat_text(report.threat)
    yield "clean accuracy", with_interval(report.clean_accuracy)
    if verdict is not None:
        yield "status", str(verdict.status)
        yield "reason", verdict.reason
        yield "accuracy under ordinary attacks", with_interval(verdict.ordinary_accuracy)
        if verdict.declared_accuracy is not None:
            yield "declared accuracy under attack", percent(verdict.declared_accuracy)
        at_most = "" if verdict.verified_accuracy is None else "at most "
        yield "verified accuracy", f"{at_most}{with_interval(verdict.verified_accuracy)}"
    if report.gate is not None:
        yield "gate", str(report.gate.outcome)
    if report.baseline is not None:
        yield "baseline", baseline_sentence(report.baseline)


def _gate_cases(report: Report) -> Iterator[TestCase]:
    """A case for each criterion; one that was skipped where the run judges nothing."""
    if report.gate is None:
        case = TestCase("gate")
        case.result = [_result(Skipped, "this run judges nothing; `bnnaudit check` does", "not-judged")]
        yield case
        return
    for criterion in report.gate.criteria:
        yield _gate_case(criterion)


def _gate_case(criterion: Criterion) -> TestCase:
    case = TestCase(short(f"gate {criterion.kind}: {criterion.asked}"))
    words = criterion.reason
    match criterion.outcome:
        case Outcome.PASSED:
            case.system_out = short(words, LONGEST_TEXT)
        case Outcome.FAILED:
            case.result = [_result(Failed, words, str(criterion.kind))]
        case Outcome.UNDECIDED:
            case.result = [_result(Error, words, "undecided")]
    return case


def _check_cases(report: Report) -> Iterator[TestCase]:
    """A case for each check of the audit, and for whatever was found, left out or broke beside them."""
    known = {check.rule for check in report.checks}
    others = {finding.rule.code: finding.rule for finding in report.findings if finding.rule.code not in known}
    checks = (*report.checks, *(CatalogueCheck("", rule.code, rule.name) for rule in others.values()))
    for check in checks:
        yield _check_case(check, report)
    named = {check.check for check in checks}
    for fault in report.faults:
        if fault.check not in named:
            case = TestCase(short(fault.check))
            case.result = [_result(Error, fault.error, "fault")]
            yield case
    for skip in report.skipped:
        if skip.check not in named:
            case = TestCase(short(skip.check))
            case.result = [_result(Skipped, skip.why, "skipped")]
            yield case


def _check_case(check: CatalogueCheck, report: Report) -> TestCase:
    case = TestCase(short(f"{check.rule} {check.name}"))
    gate = report.gate
    found = [finding for finding in report.findings if finding.rule.code == check.rule]
    counted = [finding for finding in found if gate is not None and gate.counts(finding)]
    broken = [fault.error for fault in report.faults if fault.check == check.check]
    skipped = [skip.why for skip in report.skipped if skip.check == check.check]
    if counted:
        words = " ".join(finding.message for finding in counted)
        case.result = [_result(Failed, words, str(counted[0].severity), counted)]
    elif broken:
        case.result = [_result(Error, "; ".join(broken), "fault")]
    elif skipped:
        case.result = [_result(Skipped, "; ".join(skipped), "skipped")]
    elif found and gate is None:
        case.result = [_result(Skipped, "found by a run that judges nothing", "not-judged")]
    if passed := [finding for finding in found if finding not in counted]:
        case.system_out = "\n".join(_lines(passed))
    return case


def _result(
    kind: type[Error | Failed | Skipped], words: str, type_: str, findings: Iterable[Finding] = ()
) -> Error | Failed | Skipped:
    """Why a case did not pass: in a line, and again in full, because GitLab shows the text and Jenkins the message."""
    result = kind(short(words, LONGEST_TEXT), type_)
    result.text = "\n".join([*_lines(findings)] or [short(words, LONGEST_TEXT)])
    return result


def _lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Each finding with its figures, and whether a waiver accepts it."""
    for finding in findings:
        yield short(f"{finding.severity}: {finding.message} (confidence: {finding.confidence})", LONGEST_TEXT)
        for measurement in finding.measurements:
            name, value, images = measurement_words(measurement)
            yield short(f"  {name}: {value}{'' if images == MISSING else f', n = {images}'}")
        if finding.waiver is not None:
            yield short(f"  waived {waiver_words(finding.waiver)}", LONGEST_TEXT)
        yield short(f"  what to do: {finding.rule.remedy}", LONGEST_TEXT)
