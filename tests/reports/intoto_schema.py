"""Statements and predicates read by in-toto's own classes, which accept only what the specification has."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult as Predicate
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

RESULTS = {"PASSED", "WARNED", "FAILED"}


def check_predicate(predicate: dict[str, Any]) -> None:
    """Fails for an unknown field, a wrong type, a result or a configuration that Test Result v0.1 does not have."""
    message = ParseDict(predicate, Predicate())
    assert message.result in RESULTS
    assert message.configuration
    for descriptor in message.configuration:
        ResourceDescriptor.copy_from_pb(descriptor).validate()
    assert (message.result == "FAILED") == bool(message.failed_tests)
    assert message.result != "PASSED" or not message.warned_tests


def check_statement(line: str) -> dict[str, Any]:
    """The statement, valid as Statement v1 with a valid predicate."""
    statement: dict[str, Any] = json.loads(line)
    Statement.copy_from_pb(ParseDict(statement, StatementMessage())).validate()
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert all(len(subject["digest"]["sha256"]) == 64 for subject in statement["subject"])
    check_predicate(statement["predicate"])
    return statement
