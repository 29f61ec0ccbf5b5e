"""Whether two reports can be held against one another at all, and what makes their figures hard to compare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PureWindowsPath

from bnnaudit.core.comparison import Release, SharedImages
from bnnaudit.core.gate import CriterionKind, Outcome
from bnnaudit.core.report import Report
from bnnaudit.core.threat import Threat, length_text
from bnnaudit.releases.drops import figures_of

EPS_DIGITS = 9
"""Decimals to which two radii are the same: far finer than a pixel value, and coarser than the last bits of floats."""


def release_of(report: Report) -> Release:
    """What the report says of its model, in a line."""
    verdict, figures = report.verdict, figures_of(report)
    clean, verified = figures.values()
    return Release(
        model=report.model.path,
        model_sha256=report.model.sha256,
        created=report.provenance.created,
        version=report.provenance.version,
        data=report.data.source,
        data_sha256=report.data.sha256,
        effort=report.effort,
        images=report.data.samples if report.extent is None else report.extent.attacked,
        status="" if verdict is None else str(verdict.status),
        outcome=None if report.gate is None else report.gate.outcome,
        clean=clean,
        claimed=None if verdict is None else verdict.ordinary_accuracy,
        verified=verified,
        declared=None if verdict is None else verdict.declared_accuracy,
    )


def model_name(path: str) -> str:
    """Of the file, without its folders: what the same model is called in every release."""
    return PureWindowsPath(path).name or path


def threat_name(threat: Threat) -> str:
    """`linf 8/255`."""
    bits = "" if threat.image_bits is None else f" in {threat.image_bits}-bit pixels"
    return f"{threat.norm} {length_text(threat.eps)}{bits}"


def threat_key(threat: Threat) -> tuple[str, float, int | None, bool]:
    """What two threats have in common if they are the same, whatever range and type of pixels the networks take."""
    return str(threat.norm), round(threat.eps, EPS_DIGITS), threat.image_bits, threat.l2_per_channel


def why_incomparable(older: Report, newer: Report) -> str:
    """Why no figure of one report can be held against one of the other; empty where they can."""
    if threat_key(older.threat) != threat_key(newer.threat):
        return (
            f"it was made under {threat_name(older.threat)}, not {threat_name(newer.threat)}: accuracies under different "
            "threats cannot be compared"
        )
    if older.model.num_classes != newer.model.num_classes:
        return (
            f"its model has {older.model.num_classes} classes, not {newer.model.num_classes}: accuracies on different tasks "
            "cannot be compared"
        )
    if older.data.labelled != newer.data.labelled:
        with_labels = "with labels" if older.data.labelled else "without labels, by the model's own answers"
        return f"it was made {with_labels}, and the newer one was not: these are different accuracies"
    return ""


def why_undecided(report: Report) -> str:
    """Why the audit's figures cannot be relied on; empty where they can."""
    if report.verdict is None or report.gate is None:
        return "it is no report of a whole audit"
    audit = [criterion for criterion in report.gate.criteria if criterion.kind is CriterionKind.AUDIT]
    if all(criterion.outcome is Outcome.PASSED for criterion in audit):
        return ""
    return next(criterion.reason for criterion in audit if criterion.outcome is not Outcome.PASSED)


def differences(older: Report, newer: Report, images: SharedImages) -> Iterator[str]:
    """What makes the figures of two reports hard to compare, in sentences."""
    if older.model.sha256 and older.model.sha256 == newer.model.sha256:
        yield "Both reports are about the very same model file."
    if older.effort != newer.effort:
        yield (
            f"The audits differ in effort, {older.effort} and then {newer.effort}: a stronger audit leaves less of the "
            "same model."
        )
    if older.provenance.version != newer.provenance.version:
        yield (
            f"They were made by bnnaudit {older.provenance.version} and {newer.provenance.version}, whose attacks may differ."
        )
    if _claim_settings(older) != _claim_settings(newer):
        yield "Ordinary PGD ran with other settings, so that the claimed accuracies are of different attacks."
    if older.threat.grid != newer.threat.grid:
        yield "The networks take pixels of different types, so that the same radius holds other images."
    if older.serving != newer.serving and _served(older) != _served(newer):
        yield "Different sessions of ONNX Runtime count as the deployed model."
    yield from _about_images(older, newer, images)


def _served(report: Report) -> str:
    return "" if report.serving is None else str(report.serving.serve_as)


def _claim_settings(report: Report) -> object:
    return next((row.settings for row in report.attacks if row.role == "claim"), None)


def _about_images(older: Report, newer: Report, images: SharedImages) -> Iterator[str]:
    if not images.older or not images.newer:
        yield "One of the reports has no table of images, so that none can be compared one by one."
    elif not images.shared:
        yield "The reports have no image in common: the figures are compared as those of independent samples."
    elif images.shared < max(images.older, images.newer):
        yield (
            f"Of {images.older} and {images.newer} attacked images {images.shared} are the same; audits with --all, the same "
            "--seed and the same --samples share all of them."
        )
    if images.relabelled:
        yield (
            f"{images.relabelled} of the {images.shared} shared images have another label now and are left out of the "
            "comparison."
        )
    if older.data.sha256 != newer.data.sha256 and images.shared:
        yield "The data sets are not the same."
