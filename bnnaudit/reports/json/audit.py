"""The report as JSON: bnnaudit-report/1, described by `schema/bnnaudit-report-1.json`."""

from collections.abc import Iterable

from bnnaudit.core.attack import Auto, Climb, Search
from bnnaudit.core.auto_run import Part
from bnnaudit.core.finding import Finding, Measurement
from bnnaudit.core.policy import Waiver
from bnnaudit.core.report import (
    SCALINGS,
    SCHEMA,
    AttackRow,
    Cure,
    Report,
    Serving,
    SessionAccuracies,
    SignalRow,
    SignalTable,
    Sweep,
    Verdict,
)
from bnnaudit.core.scores import OutputScores
from bnnaudit.reports.json.model import model_to_json
from bnnaudit.reports.json.parts import JsonObject, head, interval, plain, record

THREAT = ("norm", "eps", "image_bits")


def report_to_json(report: Report) -> JsonObject:
    """The report as a JSON document; fractions from 0 to 1, null where nothing was measured."""
    clean, remedy = report.clean_accuracy, report.remedy
    return {
        **head(SCHEMA, report.provenance),
        "model": model_to_json(report.model),
        "data": record(report.data, "source", "samples", "sha256", "labelled"),
        "threat": record(report.threat, *THREAT),
        **record(report, "environment"),
        "clean_accuracy": None if clean is None else clean.value,
        "clean_ci95": interval(clean),
        "output": None if report.output is None else _output(report.output),
        "serving": _serving(report.serving),
        "attacks": [_attack(row) for row in report.attacks],
        "signal": None if report.signal is None else _signal_table(report.signal),
        "sweeps": [_sweep(sweep) for sweep in report.sweeps],
        "cures": [_cure(cure) for cure in report.cures],
        "remedy": None if remedy is None else {**_cure(remedy.cure), **record(remedy, "causes")},
        **record(report, "effort", "comparisons", "extent"),
        "findings": [_finding(finding) for finding in report.findings],
        "waived": [_waived(finding, finding.waiver) for finding in report.findings if finding.waiver is not None],
        **record(report, "skipped", "faults", "checks"),
        "verdict": None if report.verdict is None else {**_verdict(report.verdict), "passed": report.passed},
    }


def _output(output: OutputScores) -> JsonObject:
    return {
        "images": output.images,
        "tied_images": output.tied,
        "distinct_scores": output.distinct,
        "scores_at_an_end": output.at_ends,
        "scores": output.total,
    }


def _attack(row: AttackRow) -> JsonObject:
    settings = row.settings
    return {
        **record(settings, "method", "name"),
        **record(row, "role", "source"),
        **record(settings, "beta", "surrogate", "loss"),
        "targets": settings.targets if settings.loss.targeted and isinstance(settings, Climb) else None,
        "error_signal": str(settings.signal),
        "l2_per_channel": row.threat.l2_per_channel,
        "stop_at_success": settings.stop_at_success,
        **record(row.threat, *THREAT),
        "input_steps": row.threat.whole_steps,
        "steps": None if isinstance(settings, Search) else settings.steps,
        "queries": settings.queries if isinstance(settings, Search) else None,
        "budget": str(settings.budget) if isinstance(settings, Auto) else None,
        **record(row, "step_size", "reaches_radius"),
        "restarts": settings.restarts,
        "adversarial_accuracy": row.accuracy.value,
        "ci95": interval(row.accuracy),
        "adversarial_accuracy_8bit": None if row.accuracy_8bit is None else row.accuracy_8bit.value,
        "samples": row.accuracy.n,
        **record(row, "seconds", "forwards", "backwards", "replayed", "replay_disagreements"),
        "sessions": _sessions(row.sessions),
        "phases": [_part(part) for part in row.parts] if isinstance(settings, Auto) else None,
    }


def _serving(serving: Serving | None) -> JsonObject | None:
    return None if serving is None else {"serve_as": str(serving.serve_as), "clean": _sessions(serving.clean)}


def _sessions(sessions: SessionAccuracies | None) -> JsonObject | None:
    if sessions is None:
        return None
    return {
        "exact": sessions.exact.value,
        "exact_ci95": interval(sessions.exact),
        "default": sessions.default.value,
        "default_ci95": interval(sessions.default),
        "between": sessions.between,
    }


def _part(part: Part) -> JsonObject:
    return {
        **record(part, "phase", "surrogate", "loss"),
        "fooled": len(part.fooled),
        **record(part, "forwards", "backwards"),
    }


def _signal_table(table: SignalTable) -> JsonObject:
    document: JsonObject = {scaling: _signal(getattr(table, scaling)) for scaling in SCALINGS}
    if table.places:
        document["places"] = plain(table.places)
        document["vanishing"] = {scaling: plain(table.vanishing(scaling)) for scaling in SCALINGS}
    return document if table.curves is None else {**document, "curves": record(table.curves)}


def _signal(row: SignalRow) -> JsonObject:
    document = record(row)
    samples = document.pop("n")
    return {**document, "samples": samples}


def _sweep(sweep: Sweep) -> JsonObject:
    return {
        **record(sweep, "parameter", "attack"),
        "points": [[point.value, point.accuracy.value] for point in sweep.points],
        "labels": [point.label for point in sweep.points],
        "intervals": [interval(point.accuracy) for point in sweep.points],
    }


def _cure(cure: Cure) -> JsonObject:
    recovered = cure.recovered
    return {
        **record(cure, "name", "setting"),
        "recovered": round(recovered.value * recovered.n),
        "of": recovered.n,
        "ci95": interval(recovered),
    }


def _waived(finding: Finding, waiver: Waiver) -> JsonObject:
    return {
        "rule": finding.rule.code,
        **record(waiver, "reason", "owner", "model"),
        "until": waiver.expires.isoformat(),
    }


def _finding(finding: Finding) -> JsonObject:
    return {
        "rule": finding.rule.code,
        "name": finding.rule.name,
        **record(finding, "severity", "confidence", "message"),
        "evidence": _evidence(finding.measurements),
    }


def _evidence(measurements: Iterable[Measurement]) -> JsonObject:
    """By name; a name that occurs again gets a number, so that no measurement replaces another."""
    evidence: JsonObject = {}
    for measurement in measurements:
        name, again = measurement.name, 1
        while name in evidence:
            again += 1
            name = f"{measurement.name} ({again})"
        bounded = measurement.low is not None and measurement.high is not None
        ends = [measurement.low, measurement.high] if bounded else None
        evidence[name] = {**record(measurement, "value", "unit", "n"), "ci95": ends}
    return evidence


def _verdict(verdict: Verdict) -> JsonObject:
    claimed, verified = verdict.claimed_accuracy, verdict.verified_accuracy
    declared = verdict.declared_accuracy is not None
    return {
        "status": str(verdict.status),
        "claimed_accuracy": claimed,
        "claimed_ci95": None if declared else interval(verdict.ordinary_accuracy),
        "claim_source": verdict.claim_source,
        "verified_accuracy": None if verified is None else verified.value,
        "verified_ci95": interval(verified),
        **record(verdict, "reason"),
    }
