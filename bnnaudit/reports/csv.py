"""The images of audits as one table: comma-separated values as in RFC 4180, a row for each image under each threat."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.history import History, Series
from bnnaudit.core.image_rows import ImageRow
from bnnaudit.core.report import Report
from bnnaudit.core.reproduction import Reproduction
from bnnaudit.core.suite import Failure
from bnnaudit.reports.csv_reproduction import REPRODUCTION_COLUMNS, Cell, reproduction_rows
from bnnaudit.reports.documents import Document
from bnnaudit.reports.entries import entries_of
from bnnaudit.reports.numbers import threat_text
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import short

COLUMNS = (
    "model",
    "model_sha256",
    "threat",
    "norm",
    "eps",
    "gate",
    "index",
    "name",
    "digest",
    "label",
    "label_name",
    "label_from",
    "clean_prediction",
    "clean_prediction_name",
    "right",
    "claimed",
    "verified",
    "adversarial_prediction",
    "adversarial_prediction_name",
    "fooled_by",
    "margin",
    "distance",
    "note",
)
"""The header. gate: the outcome for the whole model under that threat. label_from: `data` or `model`. note: empty for images."""
RELEASE_COLUMNS = (
    "model",
    "model_sha256",
    "threat",
    "created",
    "version",
    "effort",
    "images",
    "status",
    "gate",
    "exit_code",
    "declared",
    *(f"{name}{end}" for name in ("clean", "claimed", "verified") for end in ("", "_low", "_high")),
    "file",
)
"""The header of a history, a row for each release. claimed: what ordinary PGD leaves; verified: an upper bound."""
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet computes, the full-width signs of East Asian ones too; an apostrophe before it makes it
text."""


def write_csv(document: Document, page: Page) -> str:
    """The table with its header, the same for every page.

    A model without images, and one that could not be audited, has one row that says so in its note: no audit that failed looks
    like one without adversarial images. Raises UsageError for a document that is no audit.
    """
    if isinstance(document, History):
        return _table(RELEASE_COLUMNS, (row for series in document.series for row in _releases(series)))
    if isinstance(document, Reproduction):
        return _table(REPRODUCTION_COLUMNS, reproduction_rows(document))
    return _table(COLUMNS, (row for entry in entries_of(document, "csv") for row in _rows(entry)))


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> str:
    stream = io.StringIO(newline="")
    table = csv.writer(stream, lineterminator="\r\n")
    table.writerow(columns)
    for row in rows:
        table.writerow([_cell(row.get(column)) for column in columns])
    return stream.getvalue()


def _releases(series: Series) -> Iterator[dict[str, Cell]]:
    for kept in series.releases:
        release = kept.release
        yield {
            "model": series.model,
            "model_sha256": release.model_sha256,
            "threat": threat_text(series.threat),
            "created": release.created,
            "version": release.version,
            "effort": None if release.effort is None else str(release.effort),
            "images": release.images,
            "status": release.status,
            "gate": "not asked" if release.outcome is None else str(release.outcome),
            "exit_code": int(kept.exit_code),
            "declared": release.declared,
            **_figure("clean", release.clean),
            **_figure("claimed", release.claimed),
            **_figure("verified", release.verified),
            "file": kept.file,
        }


def _figure(name: str, figure: Estimate | None) -> dict[str, Cell]:
    if figure is None:
        return {}
    return {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}


def _rows(entry: Report | Failure) -> Iterator[dict[str, Cell]]:
    if isinstance(entry, Failure):
        note = f"not audited (exit code {int(entry.exit_code)}): {entry.message}"
        yield {"model": entry.model, "gate": "not audited", "note": note}
        return
    common: dict[str, Cell] = {
        "model": entry.model.path,
        "model_sha256": entry.model.sha256,
        "threat": threat_text(entry.threat),
        "norm": str(entry.threat.norm),
        "eps": entry.threat.eps,
        "gate": "not asked" if entry.gate is None else str(entry.gate.outcome),
    }
    if not entry.images:
        reason = "" if entry.verdict is None else f": {entry.verdict.reason}"
        yield {**common, "note": f"no results for single images{reason}"}
    for image in entry.images:
        yield {**common, **_image(image, entry)}


def _image(image: ImageRow, report: Report) -> dict[str, Cell]:
    classes = report.data.classes

    def name(label: int | None) -> str:
        return classes[label] if label is not None and 0 <= label < len(classes) else ""

    return {
        "index": image.index,
        "name": image.name,
        "digest": image.digest,
        "label": image.label,
        "label_name": name(image.label),
        "label_from": "data" if report.data.labelled else "model",
        "clean_prediction": image.clean_prediction,
        "clean_prediction_name": name(image.clean_prediction),
        "right": image.right,
        "claimed": image.claimed,
        "verified": image.verified,
        "adversarial_prediction": image.adversarial_prediction,
        "adversarial_prediction_name": name(image.adversarial_prediction),
        "fooled_by": image.fooled_by,
        "margin": image.margin,
        "distance": image.distance,
    }


def _cell(value: Cell) -> str:
    """`true` and `false`, the shortest digits of a number, nothing for what is not known; words as one line that no spreadsheet
    computes."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else ""
        case _:
            words = short(value)
            return f"'{words}" if words.lstrip().startswith(FORMULA) else words
