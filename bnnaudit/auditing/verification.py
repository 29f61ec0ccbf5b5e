"""The verification: images that withstood every trial are put to the strongest attacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch

from bnnaudit.auditing.attack_rows import attack_row, session_accuracies
from bnnaudit.auditing.journal import describe
from bnnaudit.auditing.trials import RunInputs, Standing, run_trial
from bnnaudit.auditing.verdict import share
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.progress import Progress
from bnnaudit.core.report import AttackRow
from bnnaudit.core.trial import Source, Trial, TrialResult


@dataclass(frozen=True, slots=True)
class VerificationStep:
    """One verification attack on what stood before it, and what stood after it and all before."""

    result: TrialResult
    standing: Standing

    @property
    def row(self) -> AttackRow:
        """The attack as a row of the report, whose accuracy is what is left after all attacks until then."""
        row, left = attack_row(self.result, role="verification"), self.standing
        return replace(
            row,
            accuracy=share(left.images),
            accuracy_8bit=row.accuracy_8bit and share(left.stored),
            sessions=session_accuracies(left.sessions),
        )


def verify(
    inputs: RunInputs, plan: AuditPlan, results: Iterable[TrialResult], progress: Progress
) -> Iterator[VerificationStep]:
    """Runs the verification attacks one by one on the images that withstood every trial at the threat's radius or below.

    Where quantizers round the scores `auto` climbs the rounded ones last, for rounding may decide against an image as well.
    """
    clean = inputs.clean.cpu().numpy()
    standing = Standing(clean, clean, inputs.sessions)
    for result in results:
        if result.trial.threat.eps <= plan.threat.eps:
            standing = standing.after(result)
    climbed = plan.verification_source if plan.verification_source in inputs.climbed else Source.WHITE_BOX
    attacks = [(settings, Source.WHITE_BOX if settings.method.searches else climbed) for settings in plan.verification]
    if Source.ROUNDED in inputs.climbed:
        attacks += [(settings, Source.ROUNDED) for settings in plan.verification if not settings.method.searches]
    for settings, source in attacks:
        trial = Trial(settings, plan.threat, source)
        progress.task(f"verification: {describe(trial)}")
        among = torch.from_numpy(standing.images).to(inputs.clean.device)
        # What the network makes necessary beyond the plan is not in its sum of units.
        advance = None if source is Source.ROUNDED else progress.advance
        if advance is not None:
            advance(int(clean.sum() - standing.images.sum()) * settings.image_steps)
        result, _ = run_trial(inputs, trial, among, advance)
        standing = standing.after(result)
        yield VerificationStep(result, standing)
