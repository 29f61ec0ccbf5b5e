"""Runs the measurement of signal propagation by itself, for `signal`."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.auditing.prepare import Prepared
from bnnaudit.auditing.report import bare_report
from bnnaudit.core.errors import DataError
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.threat import Threat
from bnnaudit.measurements.propagation import measure_signal
from bnnaudit.quantization.quantizers import with_surrogate


def run_signal(prepared: Prepared, surrogate: Surrogate, threat: Threat, provenance: Provenance) -> Report:
    """The report with its signal table in full; DataError where the model classifies no image correctly."""
    target = replace(prepared.target, network=with_surrogate(prepared.target.network, surrogate))
    signal = measure_signal(target, prepared.right, detailed=True)
    if signal is None:
        source = prepared.sample.facts.source
        raise DataError(f"{source}: the model classifies none of these images correctly; check the labels")
    return replace(bare_report(prepared, threat, provenance), signal=signal)
