"""The report as JSON: bnnaudit-report/1, described by `schema/bnnaudit-report-1.json`."""

from collections.abc import Sequence
from dataclasses import fields

from bnnaudit.core.finding import Finding
from bnnaudit.core.image_rows import ImageRow
from bnnaudit.core.policy import Waiver
from bnnaudit.core.report import (
    SCALINGS,
    SCHEMA,
    Cure,
    Report,
    Serving,
    SignalRow,
    SignalTable,
    Sweep,
    Verdict,
)
from bnnaudit.core.scores import OutputScores
from bnnaudit.core.suite import exit_code_of
from bnnaudit.reports.json.attack_row import attack_to_json, sessions_to_json, threat_to_json
from bnnaudit.reports.json.baseline import baseline_to_json
from bnnaudit.reports.json.finding import finding_to_json, rules_to_json
from bnnaudit.reports.json.gate import gate_to_json
from bnnaudit.reports.json.model import facts_to_json
from bnnaudit.reports.json.parts import JsonObject, Rows, figure_as, head, interval, plain, record


def report_to_json(report: Report) -> JsonObject:
    """The report as a JSON document; fractions from 0 to 1, null where nothing was measured."""
    remedy, verdict = report.remedy, report.verdict
    return {
        **head(SCHEMA, report.provenance),
        "model": facts_to_json(report.model),
        "data": record(report.data, "source", "samples", "sha256", "labelled", "classes"),
        "threat": threat_to_json(report.threat),
        **record(report, "environment"),
        **figure_as("clean", report.clean_accuracy),
        "output": None if report.output is None else _output(report.output),
        "serving": _serving(report.serving),
        "attacks": [attack_to_json(row) for row in report.attacks],
        **record(report, "substitute"),
        "signal": None if report.signal is None else _signal_table(report.signal),
        "sweeps": [_sweep(sweep) for sweep in report.sweeps],
        "cures": [_cure(cure) for cure in report.cures],
        "remedy": None if remedy is None else {**_cure(remedy.cure), **record(remedy, "causes")},
        **record(report, "effort", "seed", "comparisons", "extent"),
        "findings": [finding_to_json(finding) for finding in report.findings],
        "rules": rules_to_json(report.findings),
        "waived": [_waived(finding, finding.waiver) for finding in report.findings if finding.waiver is not None],
        **record(report, "skipped", "faults", "checks"),
        "verdict": None if verdict is None else {**_verdict(verdict), "passed": report.passed},
        "gate": None if report.gate is None else gate_to_json(report.gate),
        "exit_code": int(exit_code_of(report)),
        **record(report, "advice", "examples"),
        "baseline": None if report.baseline is None else baseline_to_json(report.baseline),
        "images": _images(report.images),
    }


def _images(images: Sequence[ImageRow]) -> JsonObject:
    """In the form that `pandas.DataFrame(**images)` takes."""
    columns = [field.name for field in fields(ImageRow)]
    rows = Rows([getattr(image, column) for column in columns] for image in images)
    return {"columns": columns, "data": rows}


def _output(output: OutputScores) -> JsonObject:
    return {
        "images": output.images,
        "tied_images": output.tied,
        "distinct_scores": output.distinct,
        "scores_at_an_end": output.at_ends,
        "scores": output.total,
    }


def _serving(serving: Serving | None) -> JsonObject | None:
    return None if serving is None else {"serve_as": str(serving.serve_as), "clean": sessions_to_json(serving.clean)}


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
        "samples": [point.accuracy.n for point in sweep.points],
    }


def _cure(cure: Cure) -> JsonObject:
    recovered = cure.recovered
    return {
        **record(cure, "name", "setting"),
        "recovered": round(recovered.value * recovered.n),
        "of": recovered.n,
        "fraction": recovered.value,
        "ci95": interval(recovered),
    }


def _waived(finding: Finding, waiver: Waiver) -> JsonObject:
    return {
        "rule": finding.rule.code,
        **record(waiver, "reason", "owner", "model"),
        "until": waiver.expires.isoformat(),
    }


def _verdict(verdict: Verdict) -> JsonObject:
    declared = verdict.declared_accuracy is not None
    return {
        "status": str(verdict.status),
        **record(verdict, "claimed_accuracy"),
        "claimed_ci95": None if declared else interval(verdict.ordinary_accuracy),
        **record(verdict, "claim_source"),
        **figure_as("verified", verdict.verified_accuracy),
        **record(verdict, "reason", "declared_accuracy"),
        **figure_as("ordinary", verdict.ordinary_accuracy),
    }
