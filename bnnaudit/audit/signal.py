"""Runs the measurement of signal propagation by itself, for `signal`."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.audit.prepare import bare_report, prepare
from bnnaudit.core.errors import DataError
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.data import Sample
from bnnaudit.measurements.propagation import measure_signal
from bnnaudit.quantization.quantizers import with_surrogate


def run_signal(
    target: Target,
    sample: Sample,
    surrogate: Surrogate,
    threat: Threat,
    seed: int,
    batch_size: int,
    provenance: Provenance,
) -> Report:
    """The report with its signal table in full; DataError where the model classifies no image correctly."""
    prepared = prepare(target, sample, seed, batch_size)
    followed = replace(target, network=with_surrogate(prepared.inputs.target.network, surrogate))
    right = prepared.inputs.sample.select(prepared.inputs.clean)
    signal = measure_signal(followed, right, detailed=True)
    if signal is None:
        raise DataError(f"{sample.facts.source}: the model classifies none of these images correctly; check the labels")
    return replace(bare_report(prepared, threat, provenance), signal=signal)
