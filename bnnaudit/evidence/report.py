"""What the report among the evidence says of the same counterexamples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnnaudit.evidence.errors import RefusedError, shown
from bnnaudit.evidence.manifest import REPORT, Data, Manifest
from bnnaudit.evidence.stores import MANIFEST, Store, read_up_to

LARGEST_REPORT = 2**29
"""Bytes of a report that is read: of 100,000 images it takes 10 MB."""
THREAT = {
    "norm": "norm",
    "eps": "eps",
    "input_range": "box",
    "image_bits": "image_bits",
    "l2_per_channel": "l2_per_channel",
}
"""Entries of a report's threat, and what the manifest calls them."""


def check_report(store: Store, manifest: Manifest) -> tuple[Mapping[int, int], list[str]]:
    """The labels of the images that the report has counterexamples of, by their place in the data; and what is wrong with it.

    It has to be about the model, the data, the threat and as many counterexamples as the manifest. Nothing else is looked at.
    """
    try:
        with store.open(REPORT) as stream:
            document = json.loads(read_up_to(stream, LARGEST_REPORT, REPORT))
        if document["model"]["sha256"] != manifest.model_sha256:
            return {}, [f"{REPORT} is about another model than {MANIFEST}"]
        threat, images = document["threat"], document["images"]
        label, index, answer = (images["columns"].index(name) for name in ("label", "index", "adversarial_prediction"))
        labels = {row[index]: row[label] for row in images["data"] if row[answer] is not None}
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
    if len(labels) != manifest.count + manifest.left_out:
        problems.append(
            f"{REPORT} has {len(labels)} counterexamples, {MANIFEST} {manifest.count} and {manifest.left_out} left out"
        )
    return labels, problems


def _grid(entry: Any) -> Any:
    return entry if entry is None else {key: entry[key] for key in ("first", "last", "steps")}


def check_rows(index: NDArray[np.int64], label: NDArray[np.int64], labels: Mapping[int, int] | None) -> list[str]:
    """For each counterexample, by its place (N,) and label (N,), what is wrong with that, empty where nothing is.

    Whoever counts one twice claims more than there is. labels: those of the report, None where it cannot be asked.
    """
    reasons = [""] * len(index)
    before: set[int] = set()
    for row, (place, said) in enumerate(zip(index.tolist(), label.tolist(), strict=True)):
        if place in before:
            reasons[row] = "it is there more than once"
        elif labels is not None and labels.get(place) != said:
            reasons[row] = f"{REPORT} has no counterexample of it with the label {said}"
        before.add(place)
    return reasons
