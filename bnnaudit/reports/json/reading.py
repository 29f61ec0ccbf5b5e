"""Reports, suites and failures read back from their JSON: the exact inverse of writing them.

Rules, settings and figures are those of the document, whatever this version of bnnaudit has in its tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from bnnaudit.core.errors import ReportError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.file_limits import REPORT_BYTES, REPORT_VALUES
from bnnaudit.core.regular_file import open_regular
from bnnaudit.core.report import SCHEMA as REPORT
from bnnaudit.core.report import Report
from bnnaudit.core.reproduction import SCHEMA as REPRODUCTION
from bnnaudit.core.reproduction import Reproduction
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.documents import Audited
from bnnaudit.reports.json.parsing.gate import require_same
from bnnaudit.reports.json.parsing.node import Node
from bnnaudit.reports.json.parsing.report import read_provenance, read_report
from bnnaudit.reports.json.parsing.reproduction import read_reproduction
from bnnaudit.reports.json.suite import FAILURE, SUITE
from bnnaudit.reports.json.writer import write_json
from bnnaudit.reports.page import Page

BETWEEN = ",[{"
"""What values stand behind in JSON; in texts these signs stand as well, so that they count for more values than there are."""

Kept = TypeVar("Kept", Report, Suite, Failure)
Kind = TypeVar("Kind")


def read_document(text: str, where: str) -> Audited:
    """The report, suite or failure that a JSON text holds.

    where: its file, as messages call it. Raises ReportError for a text that is not JSON, another document, and one that was
    cut off, edited or written by a version that says other things.
    """
    try:
        return _audited(Node(_parsed(text)), READERS)
    except ReportError as error:
        raise ReportError(f"{where}: {error}; write it again with `bnnaudit check --format json`") from None


def read_any(text: str, where: str) -> Audited | Reproduction:
    """The same, or the paper's tables made again."""
    try:
        return _audited(Node(_parsed(text)), {**READERS, REPRODUCTION: read_reproduction})
    except ReportError as error:
        raise ReportError(f"{where}: {error}; write it again with --format json") from None


def read_file(path: Path) -> Audited:
    """The report, suite or failure in a file; raises ReportError as `read_document` does, and for what cannot be read."""
    return read_bytes(content_of(path), str(path))


def content_of(path: Path) -> bytes:
    """The bytes of a file; raises ReportError where it cannot be read, or is a pipe or the like."""
    try:
        with open_regular(path) as stream:
            content = stream.read(REPORT_BYTES.to_read)
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror or error}; name a report written by --format json") from None
    return content


def read_bytes(content: bytes, where: str) -> Audited:
    """The report, suite or failure in bytes: UTF-8, or UTF-16 and UTF-32 as some shells redirect to."""
    return read_document(text_of(content, where), where)


def text_of(content: bytes, where: str) -> str:
    """The text of a file's bytes; raises ReportError where it is none, or more than a report is."""
    if REPORT_BYTES.exceeded_by(len(content)):
        raise ReportError(f"{where}: {REPORT_BYTES.refused('its bytes go on')}")
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        raise ReportError(f"{where}: it is not text; name a report written by --format json") from None
    if REPORT_VALUES.exceeded_by(values := sum(map(text.count, BETWEEN))):
        raise ReportError(f"{where}: {REPORT_VALUES.refused(f'up to {values:,} {REPORT_VALUES.unit}')}")
    return text


def round_trip(document: Kept) -> Kept:
    """The document as it is read back from its own JSON: what other formats are to show, now and later."""
    read = read_document(write_json(document, Page()), "the report")
    assert isinstance(read, type(document))
    return read


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ReportError("it is nested too deeply to be a report") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ReportError(f"it is not JSON from {place} on ({error.msg}); was it cut off?") from None
    except ValueError as error:
        raise ReportError(f"it holds a number that no report has ({str(error).partition(': ')[0]})") from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _audited(node: Node, readers: Mapping[str, Callable[[Node], Kind]]) -> Kind:
    """What the document is by its `schema`, where that is one of these."""
    if "schema" not in node.object():
        raise ReportError("it has no key `schema`, so it is no report of an audit")
    schema = node["schema"].text()
    if schema in readers:
        return readers[schema](node)
    name = schema.rpartition("/")[0]
    if name in {known.rpartition("/")[0] for known in readers}:
        raise ReportError(
            f"it is {schema}, which another version of bnnaudit writes; this one reads {', '.join(readers)}"
        )
    raise ReportError(f"it is {schema or 'a document without a name'}, not one of {', '.join(readers)}")


def _failure(node: Node) -> Failure:
    code = node["exit_code"]
    failed = [int(one) for one in ExitCode if one is not ExitCode.PASSED]
    if code.whole() not in failed:
        raise code.refused(f"one of {', '.join(map(str, failed))}")
    return Failure(read_provenance(node), node["model"].text(), node["message"].text(), ExitCode(code.whole()))


def _suite(node: Node) -> Suite:
    entries = tuple(_audited(entry, ENTRIES) for entry in node["entries"].entries())
    suite = Suite(read_provenance(node), entries)
    require_same(node["exit_code"], int(suite.exit_code), "its entries")
    return suite


ENTRIES: Mapping[str, Callable[[Node], Report | Failure]] = {REPORT: read_report, FAILURE: _failure}
READERS: Mapping[str, Callable[[Node], Audited]] = {**ENTRIES, SUITE: _suite}
