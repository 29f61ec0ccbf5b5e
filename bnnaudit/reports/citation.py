"""How a researcher cites an audit: method, version, settings, digests and the figure, in one line."""

from bnnaudit.core.attack import Auto
from bnnaudit.core.report import AttackRow, Report
from bnnaudit.core.sources import cited
from bnnaudit.reports.attack_names import attack_name, effort
from bnnaudit.reports.numbers import plural, threat_text, with_interval

DIGITS = 12
"""Digits of a SHA-256 that are written, as version control systems do. Not tuned."""
METHOD = "[Gupta & Ajanthan 2022]"


def citation(report: Report) -> str:
    """The line to cite an audit by; empty for a run that verified nothing."""
    verdict = report.verdict
    if verdict is None or verdict.verified_accuracy is None:
        return ""
    verified = verdict.verified_accuracy
    clean = "" if report.clean_accuracy is None else f", clean accuracy {with_interval(report.clean_accuracy)}"
    return (
        f"Adversarial accuracy of at most {with_interval(verified)} under {threat_text(report.threat)} on "
        f"{plural(verified.n, 'image')}{clean}; {_method(report)}; bnnaudit {report.provenance.version}, {_settings(report)}; "
        f"model {_digest(report.model.sha256)}, data {_digest(report.data.sha256)}."
    )


def _method(report: Report) -> str:
    (paper,) = cited(METHOD)
    auto = " and by auto" if any(isinstance(row.settings, Auto) for row in report.attacks) else ""
    published = f"{paper.authors}, {paper.venue}, {paper.link}"
    return f"by temperature-scaled attacks ({published}){auto}, each success replayed on the deployed model"


def _settings(report: Report) -> str:
    names = [] if report.effort is None else [f"effort {report.effort}"]
    names += [] if report.seed is None else [f"seed {report.seed}"]
    claim = next((row for row in report.attacks if row.role == "claim"), None)
    autos = [row for row in report.attacks if isinstance(row.settings, Auto)]
    return ", ".join([*names, *(_attack(row) for row in (claim, *autos[-1:]) if row is not None)])


def _attack(row: AttackRow) -> str:
    return f"{attack_name(row.settings)} {effort(row.settings)}"


def _digest(sha256: str) -> str:
    return f"sha256:{sha256[:DIGITS]}" if sha256 else "without digest"
