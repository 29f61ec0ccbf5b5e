"""Which findings a policy's waivers accept, and which of them accept nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import PurePath

from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Finding
from bnnaudit.core.policy import IdleWaiver, Waiver, WaiverProblem
from bnnaudit.core.provenance import Provenance
from bnnaudit.rules.policy_names import DIGEST


@dataclass(frozen=True, slots=True)
class Waivers:
    """Those that name a model: the ones that hold on the day of its audit, and the expired ones."""

    standing: tuple[Waiver, ...] = ()
    expired: tuple[Waiver, ...] = ()

    @classmethod
    def of(cls, waivers: Sequence[Waiver], model: ModelFacts, provenance: Provenance) -> Waivers:
        """The waivers for this model. They are held against the day on which the audit was made (UTC), not against today."""
        naming = [waiver for waiver in waivers if names_model(waiver.model, model)]
        if not naming:
            return cls()
        day = day_of(provenance)
        return cls(
            tuple(waiver for waiver in naming if day <= waiver.expires),
            tuple(waiver for waiver in naming if day > waiver.expires),
        )

    def accepting(self, rule: str) -> Waiver | None:
        """The waiver of a rule that expires last, None where none stands."""
        fitting = [waiver for waiver in self.standing if waiver.rule == rule]
        return max(fitting, key=lambda waiver: waiver.expires, default=None)

    def applied(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """The same findings, each with the waiver that accepts it; none is left out."""
        return tuple(replace(finding, waiver=self.accepting(finding.rule.code)) for finding in findings)

    def idle(self, accepted: Collection[str], unknown: Collection[str]) -> tuple[IdleWaiver, ...]:
        """The waivers that accept nothing.

        accepted: codes of rules that a waiver was needed for. unknown: those whose checks did not run, of which nobody knows.
        """
        unused = [waiver for waiver in self.standing if waiver.rule not in accepted and waiver.rule not in unknown]
        return (
            *(IdleWaiver(waiver, WaiverProblem.EXPIRED) for waiver in self.expired),
            *(IdleWaiver(waiver, WaiverProblem.UNUSED) for waiver in unused),
        )


def names_model(pattern: str, model: ModelFacts) -> bool:
    """Whether a waiver's pattern is the model's SHA-256, or the first 12 or more digits of it, or a glob of its path.

    A glob fits the whole path or the end of it from any folder on: `nets/*.onnx` fits `/ci/nets/a.onnx`. Its `*` stands for any
    characters, slashes among them.
    """
    digest = DIGEST.fullmatch(pattern)
    if digest is not None and model.sha256.lower().startswith(digest[1].lower()):
        return True
    path = PurePath(model.path).as_posix()
    ends = [path, *(path[place + 1 :] for place, letter in enumerate(path) if letter == "/")]
    return any(fnmatchcase(end, pattern) for end in ends)


def day_of(provenance: Provenance) -> date:
    """The day of a report, in UTC; raises ValueError where its time is none."""
    return datetime.fromisoformat(provenance.created).date()
