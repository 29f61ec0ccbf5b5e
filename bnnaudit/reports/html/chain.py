"""The argument of a report: symptoms, causes, the cure of the attack, the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from bnnaudit.core.finding import Family, Finding
from bnnaudit.core.report import Report
from bnnaudit.reports.html.headline import sentence
from bnnaudit.reports.verdict_words import STATUSES, remedy_words

CHAPTERS = (
    (Family.MODEL, "The model"),
    (Family.SYMPTOM, "Symptoms of gradient masking"),
    (Family.CAUSE, "Causes"),
    (Family.VERDICT, "Verdict on the claim"),
)
"""The model comes first: how far everything after it can be trusted depends on it."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A finding and its number on the page, which its anchor has."""

    number: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class Chapter:
    """Findings of one family."""

    title: str
    findings: tuple[Numbered, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """One step of the argument. words: what it says beside its findings, empty where these say all."""

    title: str
    findings: tuple[Numbered, ...]
    words: str


def chapters(report: Report) -> tuple[Chapter, ...]:
    """All findings in the order of the argument."""
    numbered = [Numbered(number, finding) for number, finding in enumerate(report.findings, 1)]
    found = [
        Chapter(title, tuple(entry for entry in numbered if entry.finding.rule.family is family))
        for family, title in CHAPTERS
    ]
    return tuple(chapter for chapter in found if chapter.findings)


def chain(report: Report) -> tuple[Link, ...]:
    """Four steps; empty for a run that judged nothing."""
    if report.verdict is None:
        return ()
    numbered = [Numbered(number, finding) for number, finding in enumerate(report.findings, 1)]

    def of(family: Family) -> tuple[Numbered, ...]:
        return tuple(entry for entry in numbered if entry.finding.rule.family is family)

    remedy = (
        "None was needed." if not report.shows_masking else "No single change of the attack recovers enough images."
    )
    if report.remedy is not None:
        remedy = sentence(remedy_words(report.remedy))
    symptoms, causes = of(Family.SYMPTOM), of(Family.CAUSE)
    return (
        Link("Symptom", symptoms, "" if symptoms else nothing_found(report)),
        Link("Cause", causes, "" if causes else nothing_found(report)),
        Link("Remedy", (), remedy),
        Link("Verdict", of(Family.VERDICT), STATUSES[report.verdict.status].capitalize()),
    )


def nothing_found(report: Report) -> str:
    """Never "not masked": a check that finds nothing has not shown that there is nothing."""
    extent = " by the checks that could run" if report.skipped or report.faults else ""
    return f"None was found{extent}."
