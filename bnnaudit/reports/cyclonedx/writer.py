"""Audits as a CycloneDX 1.7 bill of materials: each model with its card, and the claim about it with the evidence.

The specification is CycloneDX 1.7, whose JSON Schema is published as `bom-1.7.schema.json`.
"""

from __future__ import annotations

import json
import uuid

from bnnaudit.core.errors import UsageError
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.suite import Failure
from bnnaudit.reports.by_model import LONGEST_MESSAGE, ModelAudits, by_model
from bnnaudit.reports.cyclonedx.declarations import declarations
from bnnaudit.reports.cyclonedx.model_card import model_card, properties
from bnnaudit.reports.documents import Document
from bnnaudit.reports.json.parts import JsonObject, json_text, strict
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import file_name, short

SCHEMA = "http://cyclonedx.org/schema/bom-1.7.schema.json"


def write_cyclonedx(document: Document, page: Page) -> str:
    """One bill of materials for all models of the document, the same for every page.

    A model that was not audited is a component that says so and has neither a card nor a claim. Raises UsageError for a document
    that is no audit.
    """
    audited, failures = by_model(document, "cyclonedx")
    made = (audited[0].reports[0] if audited else failures[0]).provenance if audited or failures else None
    if made is None:
        raise UsageError("cyclonedx: there is no model to write about")
    components: list[JsonObject] = []
    for number, model in enumerate(audited, 1):
        components += [_model(model, number), _data(model, number)]
    components += [_unaudited(failure, number) for number, failure in enumerate(failures, len(audited) + 1)]
    body: JsonObject = {"version": 1, "metadata": _metadata(made), "components": components}
    if audited:
        targets = [(model, _reference(number)) for number, model in enumerate(audited, 1)]
        body["declarations"] = declarations(targets, made.version)
    return json_text({"$schema": SCHEMA, "bomFormat": "CycloneDX", "specVersion": "1.7", **_serial(body), **body})


def _serial(body: JsonObject) -> JsonObject:
    """A serial number that the content determines, so that the same report always gives the same document."""
    content = json.dumps(strict(body), sort_keys=True, allow_nan=False)
    return {"serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{SCHEMA}#{content}')}"}


def _metadata(made: Provenance) -> JsonObject:
    tool = {"type": "application", "bom-ref": "tool-1", "name": "bnnaudit", "version": made.version}
    return {
        "timestamp": made.created,
        "tools": {"components": [tool]},
        "properties": properties({"command": short(made.command)}),
    }


def _reference(number: int) -> str:
    return f"model-{number}"


def _model(model: ModelAudits, number: int) -> JsonObject:
    return {
        "type": "machine-learning-model",
        "bom-ref": _reference(number),
        "name": model.name,
        **_hashes(model.sha256),
        "modelCard": model_card(model.reports, f"model-card-{number}", f"data-{number}"),
    }


def _data(model: ModelAudits, number: int) -> JsonObject:
    data = model.reports[0].data
    return {
        "type": "data",
        "bom-ref": f"data-{number}",
        "name": short(data.source) or "images",
        **_hashes(data.sha256),
        "data": [{"type": "dataset"}],
    }


def _hashes(sha256: str) -> JsonObject:
    return {"hashes": [{"alg": "SHA-256", "content": sha256}]} if sha256 else {}


def _unaudited(failure: Failure, number: int) -> JsonObject:
    return {
        "type": "machine-learning-model",
        "bom-ref": _reference(number),
        "name": file_name(failure.model),
        "description": f"NOT AUDITED: {short(failure.message, LONGEST_MESSAGE)}",
        "properties": properties({"gate": "not audited", "exit_code": str(int(failure.exit_code))}),
    }
