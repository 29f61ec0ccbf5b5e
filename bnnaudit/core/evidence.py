"""Everything an audit measured, which the checks judge; and what a check is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bnnaudit.core.effort import Effort
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Finding, Rule, Skip, Undecided
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.probing import Probes
from bnnaudit.core.report import SignalTable, SubstituteFacts
from bnnaudit.core.scores import OutputScores
from bnnaudit.core.serving import Sessions
from bnnaudit.core.trial import Trial, TrialResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STOPPED = "the audit was interrupted"
"""Why an audit that the user has stopped has no more results."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The differentiable copy compared with the deployed model on the clean images.

    disagreeing: images on whose class the two differ by more than float noise; largest_difference: of their scores;
    nonfinite: images with a score that is NaN or infinite; unstable: images whose deployed class changed from one run
    to the next; alone, company: images whose deployed class changed when they were run one by one, or in a batch with
    other images. probabilities: every row of the deployed scores is a probability distribution. never_answered: classes with
    at least ten images in the sample that the deployed model never predicts. output: what its scores can distinguish.
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
    """A default session of the runtime compared with the deployed model on the clean images.

    differing: images that it assigns to another class; largest_difference: of their scores.
    """

    images: int
    differing: int
    largest_difference: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured, image by image. `results` lacks the trials that did not run; `why_missing` says why.

    clean (N,) bool: classified correctly without attack by the deployed model. verified (N,) bool: still correct after every
    attack tried, None where verification did not finish. default_session: None where a default session cannot differ.
    sessions: what each session classified correctly without attack, and after every attack; None where they cannot differ.
    clean_of_sample: as `clean`, for the whole sample of an audit that has attacked a part of it; None where that is all.
    labelled: False where the model's own answers stand in for labels, so that all of them are right without attack. substitute:
    the network that transferred images were made on.
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
    clean_of_sample: NDArray[np.bool_] | None = None
    labelled: bool = True
    substitute: SubstituteFacts | None = None

    @property
    def samples(self) -> int:
        """Images in the sample, misclassified ones included."""
        return len(self.clean)

    @property
    def claimed(self) -> NDArray[np.bool_] | None:
        """(N,) bool: images that withstand ordinary PGD, given enough steps to converge; None where it did not run.

        The claim's own attack and, where it ran, the same with more steps, so that no model is called fake because its
        claim rests on an attack that was merely cut short.
        """
        claim, longer = self.results.get(self.plan.claim), self.results.get(self.plan.iteration_trial)
        if claim is None:
            return None
        return claim.standing if longer is None else claim.standing & longer.standing


Judged = tuple[Finding | Skip | Undecided, ...]
"""What a check says of the evidence; empty where there is nothing to say."""


def no_trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """For checks that need no attack of their own."""
    return ()


@dataclass(frozen=True, slots=True)
class Check:
    """A rule with what decides whether it fires: the attacks that it needs on the whole sample, and its judgement.

    `judge` is called only when all of its trials have results; otherwise the audit records a skip with the reason. A
    finding with a p-value is reported only if it is still significant among all comparisons of the run; a comparison without
    a material difference is returned as `Undecided`, because it is one of them. `least`: the lowest effort that runs it.
    `optional_trials`: attacks that are run where they can be and add to what a finding says; it is judged without them too.
    """

    name: str
    rule: Rule
    judge: Callable[[Evidence], Judged]
    trials: Callable[[AuditPlan], tuple[Trial, ...]] = no_trials
    least: Effort = Effort.QUICK
    optional_trials: Callable[[AuditPlan], tuple[Trial, ...]] = no_trials
