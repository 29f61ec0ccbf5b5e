"""What the program reports: the documents that every format is asked to write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bnnaudit.core.clever import CleverReport
from bnnaudit.core.comparison import Comparison
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Rule
from bnnaudit.core.history import History
from bnnaudit.core.report import Report
from bnnaudit.core.reproduction import Reproduction
from bnnaudit.core.sources import Publication
from bnnaudit.core.suite import Failure, Suite


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Several rules, in the order in which they are explained."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Bibliography:
    """The publications that texts cite."""

    sources: tuple[Publication, ...]


@dataclass(frozen=True, slots=True)
class CheckCost:
    """A check's rules and, for each effort, its passes for each image: None where the effort leaves it out."""

    check: str
    rules: tuple[str, ...]
    passes: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class EffortTable:
    """What each level of effort runs, and what it costs."""

    checks: tuple[CheckCost, ...]


Audited: TypeAlias = Report | Suite | Failure
"""What a run that audits says, which every format writes and JSON can be read back as."""
Document: TypeAlias = (
    Audited
    | Comparison
    | History
    | CleverReport
    | Reproduction
    | ModelFacts
    | Rule
    | Catalogue
    | Bibliography
    | EffortTable
)
