"""Fingerprints: the same for the same result whatever else changes, another for another result."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.finding import Measurement
from bnnaudit.core.report import Report
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.reports.page import Page
from bnnaudit.reports.sarif.results import CODE_SCANNING_FINGERPRINT, FINGERPRINT, fingerprint
from bnnaudit.reports.sarif.writer import write_sarif

FOLDERS = st.lists(st.sampled_from(["a", "models", "..", "build 7", "2031-01-01"]), max_size=3).map("/".join)
SHARES = st.floats(0, 1)


def fingerprints(report: Report) -> list[dict[str, str]]:
    """Those of all results."""
    (run,) = json.loads(write_sarif(report, Page(80)))["runs"]
    return [result["partialFingerprints"] for result in run["results"]]


@given(
    folder=FOLDERS,
    absolute=st.booleans(),
    share=SHARES,
    created=st.datetimes(),
    digest=st.binary(min_size=32),
    n=st.integers(1, 10**6),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_they_do_not_depend_on_figures_time_folder_digest_or_version(
    fake: Report, folder: str, absolute: bool, share: float, created: Any, digest: bytes, n: int
) -> None:
    path = f"{'/' if absolute else ''}{folder}{'/' if folder else ''}digits_bnn_waq.onnx"
    estimate = Estimate(share, share / 2, (1 + share) / 2, n)
    assert fake.gate is not None
    criteria = tuple(
        replace(each, reason=f"{share:.1%}", measured=estimate, threshold=share) for each in fake.gate.criteria
    )
    other = replace(
        fake,
        provenance=replace(fake.provenance, version="9.9", created=created.isoformat(), command="check x"),
        model=replace(fake.model, path=path, sha256=digest.hex()),
        clean_accuracy=estimate,
        findings=tuple(
            replace(each, message=f"Now {share}.", measurements=(Measurement("share", share, n=n),))
            for each in fake.findings
        ),
        gate=replace(fake.gate, criteria=criteria),
    )
    assert fingerprints(other) == fingerprints(fake)


def test_they_are_those_of_the_first_version(fake: Report) -> None:
    """Alerts are matched by them for years: another value needs another number in the fingerprint's name."""
    assert FINGERPRINT == "bnnaudit/v1"
    assert fingerprints(fake)[0][FINGERPRINT] == "9fc3fb9222b15edf0a9c6db0c2765206600c569b34d675818cb2100139eef9d7:1"


def test_each_result_of_a_report_has_its_own(fake: Report) -> None:
    assert fake.gate is not None
    required = [each for each in fake.gate.criteria if each.kind == "required-check"]
    criteria = (*fake.gate.criteria, replace(required[0], asked="an outcome of noise"))
    report = replace(fake, findings=(*fake.findings, fake.findings[0]), gate=replace(fake.gate, criteria=criteria))
    marks = [mark[FINGERPRINT] for mark in fingerprints(report)]
    assert len(set(marks)) == len(marks)
    assert marks[0].split(":") == [marks[4].split(":")[0], "1"], "the same rule again: told apart by a number"
    assert marks[4].endswith(":2")


def test_code_scanning_gets_the_same(fake: Report) -> None:
    for marks in fingerprints(fake):
        assert marks[CODE_SCANNING_FINGERPRINT] == marks[FINGERPRINT]


def test_another_rule_model_or_threat_makes_another() -> None:
    marks = {
        fingerprint(code, path, threat, about)
        for code in ("FR301", "FR302")
        for path in ("a.onnx", "b.onnx", "folder/c.onnx")
        for threat in (
            Threat(Norm.LINF, 8 / 255),
            Threat(Norm.LINF, 4 / 255),
            Threat(Norm.L2, 8 / 255),
            Threat(Norm.LINF, 8 / 255, image_bits=8),
            None,
        )
        for about in ("", "noise", "random-search")
    }
    assert len(marks) == 2 * 3 * 5 * 3


@pytest.mark.parametrize(
    "path", ["net.onnx", "models/net.onnx", "/srv/net.onnx", "..\\models\\net.onnx", "C:\\net.onnx"]
)
def test_the_folder_of_a_model_is_no_part_of_it_on_any_system(path: str) -> None:
    assert fingerprint("FR301", path, None) == fingerprint("FR301", "net.onnx", None)
