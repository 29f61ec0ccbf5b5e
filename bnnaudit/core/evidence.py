"""Everything an audit measured, for checks to judge; and what a check is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bnnaudit.core.effort import Effort
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Finding, Rule, Skip, Undecided
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.probing import Probes
from bnnaudit.core.report import SignalTable
from bnnaudit.core.scores import OutputScores
from bnnaudit.core.serving import Sessions
from bnnaudit.core.trial import Trial, TrialResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Agreement:
    """The differentiable copy held against the deployed model on the clean images.

    disagreeing: images on whose class the two differ by more than float noise; largest_difference: of their scores;
    nonfinite: images with a score that is no finite number; unstable: images whose deployed class changed from one run
    to the next; alone, company: images whose deployed class changed when they were run one by one, or in a batch with
    other images. probabilities: every row of the deployed scores is one of probabilities. never_answered: classes with at
    least ten images of the sample that the deployed model gives for no image. output: what its scores can tell apart.
    """

    images: int
    disagreeing: int
    largest_difference: float
    nonfinite: int
    unstable: int
    alone: int = 0
    company: int = 0
    probabilities: bool = False
    never_answered: tuple[int, ...] = ()
    output: OutputScores | None = None

    @property
    def answers_vary(self) -> bool:
        """Whether the same image gets different answers, so that a single replay proves nothing."""
        return self.unstable + self.alone + self.company > 0


@dataclass(frozen=True, slots=True)
class DefaultAnswers:
    """A runtime without options held against the deployed model on the clean images.

    differing: images that it puts into another class; largest_difference: of their scores.
    """

    images: int
    differing: int
    largest_difference: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured, image by image. `results` lacks the trials that did not run; `why_missing` says why.

    clean (N,) bool: right without attack on the deployed model. verified (N,) bool: still right after everything that
    was tried, None where verification did not finish. default_session: None where a runtime without options cannot differ.
    sessions: what each session got right without attack, and after everything that was tried; None as well where it cannot.
    """

    plan: AuditPlan
    facts: ModelFacts
    clean: NDArray[np.bool_]
    agreement: Agreement
    results: Mapping[Trial, TrialResult]
    signal: SignalTable | None
    verified: NDArray[np.bool_] | None
    why_missing: str = ""
    default_session: DefaultAnswers | None = None
    probes: Probes = field(default_factory=Probes)
    sessions: tuple[Sessions, Sessions] | None = None

    @property
    def samples(self) -> int:
        """Images in the sample, misclassified ones included."""
        return len(self.clean)

    @property
    def claimed(self) -> NDArray[np.bool_] | None:
        """(N,) bool: images that ordinary PGD leaves, given the steps that it takes to converge; None where it did not run.

        The claim's own attack and, where it ran, the same with more steps: an attack that was only cut short makes no model
        look fake.
        """
        claim, longer = self.results.get(self.plan.claim), self.results.get(self.plan.iteration_trial)
        if claim is None:
            return None
        return claim.standing if longer is None else claim.standing & longer.standing


def no_trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """For checks that need no attack of their own."""
    return ()


@dataclass(frozen=True, slots=True)
class Check:
    """One diagnostic: the rules it may fire, the attacks it needs on the whole sample, and its judgement.

    `judge` is called only when all of its trials have results; otherwise the engine enters a skip with the reason. A
    finding with a p-value stands only if it is still significant among all comparisons of the run; a comparison that
    found no material difference is told as `Undecided`, because it is one of them. `least`: the effort from which on it runs.
    `optional_trials`: attacks that run as well where they can and add to what a finding says; it is judged without them too.
    """

    name: str
    rules: tuple[Rule, ...]
    trials: Callable[[AuditPlan], tuple[Trial, ...]]
    judge: Callable[[Evidence], tuple[Finding | Skip | Undecided, ...]]
    least: Effort = Effort.QUICK
    optional_trials: Callable[[AuditPlan], tuple[Trial, ...]] = no_trials
