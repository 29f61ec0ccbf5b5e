"""Audits as in-toto Statements with the predicate `test-result`: what a signer attests about a model file by its digest.

The specification is in-toto's Attestation Framework, Statement v1 and Bundle v1. A line holds one statement, about one model
under all threats that it was audited under; so the text is JSON for one model and JSON Lines for several.
"""

from __future__ import annotations

import json

from bnnaudit.core.errors import UsageError
from bnnaudit.core.suite import Failure
from bnnaudit.reports.by_model import LONGEST_MESSAGE, ModelAudits, by_model
from bnnaudit.reports.documents import Document
from bnnaudit.reports.intoto_predicate import PREDICATE_TYPE, predicate
from bnnaudit.reports.json.parts import JsonObject, strict
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import short

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"


def write_intoto(document: Document, page: Page) -> str:
    """A statement a line for each model, the same for every page.

    A model that was not audited has no digest to state anything about: a line says so that no verifier takes for a statement.
    Raises UsageError for a model without a digest, and for a document that is no audit.
    """
    audited, failures = by_model(document, "intoto")
    lines = [_statement(model) for model in audited] + [_unattested(failure) for failure in failures]
    return "".join(f"{json.dumps(strict(line), allow_nan=False)}\n" for line in lines)


def _statement(model: ModelAudits) -> JsonObject:
    if not model.sha256:
        raise UsageError(
            f"intoto: {model.name} has no digest, and a statement is about a file by its digest; "
            "audit the file that is shipped"
        )
    subject: JsonObject = {"name": model.name, "digest": {"sha256": model.sha256}}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [subject],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate(model.reports),
    }


def _unattested(failure: Failure) -> JsonObject:
    """A bundle's readers have to pass over lines that are no attestation (Bundle v1)."""
    reason, code = short(failure.message, LONGEST_MESSAGE), int(failure.exit_code)
    return {"unattested": {"model": short(failure.model), "reason": reason, "exit_code": code}}
