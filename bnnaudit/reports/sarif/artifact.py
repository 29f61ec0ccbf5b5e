"""The audited model as an artifact: the file that every result points at."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote

from bnnaudit.reports.json.parts import JsonObject
from bnnaudit.reports.safe_text import file_name, short

BASE = "%SRCROOT%"
"""The usual name of the folder that relative addresses start from: here the one in which the command ran."""
LONGEST_PATH = 4096
"""Bytes of the longest path that Linux opens (PATH_MAX); what is longer is no path, and is cut."""


def artifact_of(path: str, sha256: str) -> JsonObject:
    """The entry of `run.artifacts`."""
    hashes: JsonObject = {"hashes": {"sha-256": sha256}} if sha256 else {}
    return {"location": _address(path), "roles": ["analysisTarget"], **hashes}


def location_of(path: str) -> JsonObject:
    """Where a result is: the whole model, which code scanning shows as its first line."""
    place: JsonObject = {"artifactLocation": {**_address(path), "index": 0}, "region": {"startLine": 1}}
    return {"physicalLocation": place}


def base_addresses(path: str) -> JsonObject:
    """What `run.originalUriBaseIds` says of a relative address; nothing for an absolute one."""
    if _is_absolute(path):
        return {}
    return {"originalUriBaseIds": {BASE: {"description": {"text": "The folder in which bnnaudit ran."}}}}


def relative_name(path: str) -> str:
    """A name that is the same on every machine: the path where it is relative, else that of the file; no line breaks."""
    return file_name(path) if _is_absolute(path) else short(_plain(path))


def _address(path: str) -> JsonObject:
    if _is_absolute(path):
        return {"uri": f"file://{_quoted(path)}"}
    return {"uri": _quoted(_plain(path)), "uriBaseId": BASE}


def _is_absolute(path: str) -> bool:
    return path.startswith("/")


def _plain(path: str) -> str:
    """Without `./` and doubled slashes."""
    return str(PurePosixPath(path)) if path else "model"


def _quoted(path: str) -> str:
    return quote(path[:LONGEST_PATH], safe="/", errors="replace")
