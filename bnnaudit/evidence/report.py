"""What the report among the evidence says of the same counterexamples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnnaudit.evidence.errors import RefusedError, shown
from bnnaudit.evidence.limits import REPORT_BYTES
from bnnaudit.evidence.manifest import REPORT, Data, Manifest, require_few_values
from bnnaudit.evidence.stores import MANIFEST, Store, read_up_to
from bnnaudit.evidence.threat import Images, Threat

LEVELS, DIGITS = 2**16 - 1, 16
"""Steps of a pixel, and hexadecimal digits, in the digest of an image."""
THREAT = {
    "norm": "norm",
    "eps": "eps",
    "input_range": "box",
    "image_bits": "image_bits",
    "l2_per_channel": "l2_per_channel",
}
"""Entries of a report's threat, and what the manifest calls them."""


Rows = Mapping[int, tuple[int, str]]
"""Label and digest of the images that a report has counterexamples of, by their place in the data."""


def check_report(store: Store, manifest: Manifest) -> tuple[Rows, list[str]]:
    """The images that the report has counterexamples of, and what is wrong with it.

    It has to be about the model, the data, the threat and as many counterexamples as the manifest. Nothing else is looked at.
    """
    try:
        with store.open(REPORT) as stream:
            content = read_up_to(stream, REPORT_BYTES.to_read, REPORT)
        if REPORT_BYTES.exceeded_by(len(content)):
            raise RefusedError(f"{REPORT}: {REPORT_BYTES.refused('its bytes go on')}")
        require_few_values(content, REPORT)
        document = json.loads(content)
        if document["model"]["sha256"] != manifest.model_sha256:
            return {}, [f"{REPORT} is about another model than {MANIFEST}"]
        threat, images = document["threat"], document["images"]
        columns = ("index", "label", "digest", "adversarial_prediction")
        index, label, digest, answer = (images["columns"].index(name) for name in columns)
        rows = {row[index]: (row[label], row[digest]) for row in images["data"] if row[answer] is not None}
        data = document["data"]
        if Data(data["source"], data["sha256"], data["labelled"]) != manifest.data:
            return {}, [f"{REPORT} is about other data than {MANIFEST}"]
        other = [key for key, own in THREAT.items() if threat[key] != manifest.stated_threat[own]]
        if _grid(threat["grid"]) != _grid(manifest.stated_threat["grid"]):
            other.append("grid")
    except RefusedError as error:
        return {}, [str(error)]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        return {}, [f"{REPORT} is no report ({shown(error)})"]
    problems = [f"{REPORT} states another threat than {MANIFEST}: {', '.join(other)}"] if other else []
    if len(rows) != manifest.count + manifest.left_out:
        problems.append(
            f"{REPORT} has {len(rows)} counterexamples, {MANIFEST} {manifest.count} and {manifest.left_out} left out"
        )
    return rows, problems


def _grid(entry: Any) -> Any:
    return entry if entry is None else {key: entry[key] for key in ("first", "last", "steps")}


def check_rows(index: NDArray[np.int64], label: NDArray[np.int64], reported: Rows | None) -> list[str]:
    """For each counterexample, by its place (N,) and label (N,), what is wrong with that, empty where nothing is.

    Whoever counts one twice claims more than there is. reported: None where the report cannot be asked.
    """
    reasons = [""] * len(index)
    before: set[int] = set()
    for row, (place, said) in enumerate(zip(index.tolist(), label.tolist(), strict=True)):
        if place in before:
            reasons[row] = "it is there more than once"
        elif reported is not None and (place not in reported or reported[place][0] != said):
            reasons[row] = f"{REPORT} has no counterexample of it with the label {said}"
        before.add(place)
    return reasons


def check_originals(originals: Images, index: NDArray[np.int64], threat: Threat, reported: Rows) -> list[str]:
    """For each original (n, ...), by its place (n,), what is wrong with it where the report has another image there."""
    found = image_digests(originals, threat)
    wanted = [reported.get(place, (0, ""))[1] for place in index.tolist()]
    return [
        "" if digest == stated else f"{REPORT} has another image there: its digest is {shown(stated, 40)}, not {digest}"
        for digest, stated in zip(found, wanted, strict=True)
    ]


@np.errstate(all="ignore")
def image_digests(images: Images, threat: Threat) -> list[str]:
    """The digest of each image (n, ...) as reports have it: of its values in 16 bits, from black to white."""
    levels = (images.astype(np.float64) - threat.low) * (LEVELS / (threat.high - threat.low))
    rows = np.nan_to_num(levels.round().clip(0, LEVELS)).reshape(len(images), -1).astype("<u2")
    return [hashlib.sha256(row.tobytes()).hexdigest()[:DIGITS] for row in rows]
