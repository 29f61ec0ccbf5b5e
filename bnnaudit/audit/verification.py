"""The verification: images that withstood every trial are put to the strongest attacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from bnnaudit.audit.attack_rows import attack_row, session_accuracies
from bnnaudit.audit.journal import describe
from bnnaudit.audit.trials import RunInputs, run_trial
from bnnaudit.audit.verdict import estimate
from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.progress import Progress
from bnnaudit.core.report import AttackRow
from bnnaudit.core.serving import Sessions
from bnnaudit.core.trial import Source, Trial, TrialResult


@dataclass(frozen=True, slots=True)
class VerificationStep:
    """One verification attack on what stood before it. standing, standing_8bit (N,) bool: images right after all until then,
    and those that no 8-bit file fools. sessions: right after all until then in each session, None where they are the same."""

    result: TrialResult
    standing: NDArray[np.bool_]
    standing_8bit: NDArray[np.bool_]
    sessions: Sessions | None = None

    @property
    def row(self) -> AttackRow:
        """The attack as a row of the report, whose accuracy is what is left after all attacks until then."""
        row = attack_row(self.result, role="verification")
        accuracy, stored = (estimate(int(left.sum()), len(left)) for left in (self.standing, self.standing_8bit))
        sessions = session_accuracies(self.sessions)
        return replace(row, accuracy=accuracy, accuracy_8bit=row.accuracy_8bit and stored, sessions=sessions)


def verify(
    inputs: RunInputs, plan: AuditPlan, results: Iterable[TrialResult], progress: Progress
) -> Iterator[VerificationStep]:
    """Runs the verification attacks one by one on the images that withstood every trial at the threat's radius or below.

    Where quantizers round the scores `auto` climbs the rounded ones last, for rounding may decide against an image as well.
    """
    standing = standing_8bit = inputs.clean.cpu().numpy()
    sessions = inputs.sessions
    for result in results:
        if result.trial.threat.eps <= plan.threat.eps:
            standing = standing & result.standing
            standing_8bit = standing_8bit & _standing_8bit(result)
            sessions = sessions and result.sessions and sessions & result.sessions
    climbed = plan.verification_source if plan.verification_source in inputs.cured else Source.WHITE_BOX
    for settings, source in _attacks(inputs, plan, climbed):
        trial = Trial(settings, plan.threat, source)
        progress.task(f"verification: {describe(trial)}")
        among = torch.from_numpy(standing).to(inputs.clean.device)
        skipped = int(inputs.clean.sum()) - int(standing.sum())
        # What the network makes necessary beyond the plan is not in its sum of units.
        advance = None if source is Source.ROUNDED else progress.advance
        if advance is not None:
            advance(skipped * settings.image_steps)
        result, _ = run_trial(inputs, trial, among, advance)
        standing = standing & result.standing
        standing_8bit = standing_8bit & _standing_8bit(result)
        sessions = sessions and result.sessions and sessions & result.sessions
        yield VerificationStep(result, standing, standing_8bit, sessions)


def _attacks(inputs: RunInputs, plan: AuditPlan, climbed: Source) -> Iterator[tuple[AttackSettings, Source]]:
    """The verification's attacks with the networks that they climb."""
    for settings in plan.verification:
        yield settings, Source.WHITE_BOX if settings.method.searches else climbed
    if Source.ROUNDED in inputs.cured:
        yield from ((settings, Source.ROUNDED) for settings in plan.verification if not settings.method.searches)


def _standing_8bit(result: TrialResult) -> NDArray[np.bool_]:
    """(N,) bool: images that no 8-bit file of this attack's fools; all that were right where that was not measured."""
    return result.clean if result.standing_8bit is None else result.standing_8bit
