"""CLEVER scores of the sample under several temperatures, for `clever` and for the paper's table of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from bnnaudit.auditing.prepare import Prepared
from bnnaudit.core.clever import Ball, CleverReport, CleverRow, CleverScore, CleverSettings
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.measurements.clever import ImageScores, clever_scores
from bnnaudit.quantization.quantizers import with_surrogate

CAPPED = 1 - 1e-6
"""Share of the radius from which on a score counts as the radius itself, float rounding aside. Not tuned."""


def run_clever(
    prepared: Prepared,
    settings: CleverSettings,
    surrogate: Surrogate,
    provenance: Provenance,
    on_progress: Callable[[int], None],
) -> CleverReport:
    """The table over the images that the deployed model classifies correctly."""
    started = time.perf_counter()
    rows = clever_rows(prepared, settings, surrogate, on_progress)
    return CleverReport(
        provenance=provenance,
        model=prepared.target.facts,
        data=prepared.sample.facts,
        settings=settings,
        images=int(prepared.clean.sum()),
        surrogate=str(surrogate),
        rows=rows,
        seconds=time.perf_counter() - started,
    )


def clever_rows(
    prepared: Prepared, settings: CleverSettings, surrogate: Surrogate, on_progress: Callable[[int], None]
) -> tuple[CleverRow, ...]:
    """A row for the logits' own margin, and one for each temperature of the settings."""
    target = replace(prepared.target, network=with_surrogate(prepared.target.network, surrogate))
    found = clever_scores(
        target, prepared.right, settings, prepared.inputs.seed, prepared.inputs.batch_size, on_progress
    )
    return tuple(
        CleverRow(beta, _median(found.betas[:, index]), {ball: _score(found, settings, ball, index) for ball in Ball})
        for index, beta in enumerate((None, *settings.betas))
    )


def _score(found: ImageScores, settings: CleverSettings, ball: Ball, index: int) -> CleverScore:
    scores = found.scores[ball][:, index]
    capped = (scores >= settings.radii[ball] * CAPPED).float().mean()
    return CleverScore(float(scores.mean()), _median(scores), float(capped))


def _median(values: Tensor) -> float:
    return float(values.quantile(0.5)) if len(values) else float("nan")
