"""What a report says of single images: a row for each, and pictures of a few counterexamples."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bnnaudit.auditing.counterexamples import Counterexamples
from bnnaudit.auditing.examples import examples_of
from bnnaudit.auditing.prepare import Prepared
from bnnaudit.core.image_rows import ImageRow
from bnnaudit.core.report import Report
from bnnaudit.data.image_digest import image_digests

Marks = NDArray[np.bool_] | None


def with_images(
    report: Report,
    prepared: Prepared,
    rows: NDArray[np.int64],
    counterexamples: Counterexamples,
    claimed: Marks = None,
    verified: Marks = None,
) -> Report:
    """The report with what is known of the images at `rows` (M,) of the sample, which were attacked.

    claimed, verified (M,) bool: what these withstood, None where that was not measured.
    """
    found = counterexamples.of(prepared.sample.ids[rows].tolist())
    return replace(
        report,
        images=_image_rows(prepared, rows, counterexamples, claimed, verified),
        examples=examples_of(found, prepared.sample, prepared.target.facts.box),
    )


def _image_rows(
    prepared: Prepared, rows: NDArray[np.int64], counterexamples: Counterexamples, claimed: Marks, verified: Marks
) -> tuple[ImageRow, ...]:
    """In the order of the data set."""
    sample = prepared.sample
    order = np.argsort(rows)
    places = rows[order]
    digests = image_digests(sample.images[places], prepared.target.facts.box)
    clean = prepared.clean.tolist()
    made = []
    for place, at, digest in zip(places.tolist(), order.tolist(), digests, strict=True):
        index = int(sample.ids[place])
        found = counterexamples.found.get(index)
        margin = float(prepared.reading.margins[place]) if found is None else found.margin
        made.append(
            ImageRow(
                index=index,
                name=sample.names[place] if sample.names else "",
                digest=digest,
                label=int(prepared.labels[place]),
                clean_prediction=int(prepared.reading.classes[place]),
                right=clean[place],
                claimed=None if claimed is None else bool(claimed[at]),
                verified=None if verified is None else bool(verified[at]),
                adversarial_prediction=None if found is None else found.prediction,
                fooled_by="" if found is None else found.fooled_by,
                margin=margin if math.isfinite(margin) else None,
                distance=None if found is None else found.distance,
            )
        )
    return tuple(made)
