"""The verification: images that withstood every trial are put to the strongest attacks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from bnnaudit.attacks import image_steps
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.progress import Progress
from bnnaudit.core.trial import Source, Trial, TrialResult
from bnnaudit.engine.journal import Journal, describe
from bnnaudit.engine.judging import estimate
from bnnaudit.engine.reporting import attack_row
from bnnaudit.engine.trials import Bench, run_trial


def verify(bench: Bench, plan: AuditPlan, journal: Journal, progress: Progress) -> NDArray[np.bool_]:
    """(N,) bool: images that withstood every trial at the threat's radius or below, and then the verification attacks."""
    standing = standing_8bit = bench.clean.cpu().numpy()
    for result in journal.results.values():
        if result.trial.threat.eps <= plan.threat.eps:
            standing = standing & result.standing
            standing_8bit = standing_8bit & _standing_8bit(result)
    cured = plan.verification_source if plan.verification_source in bench.views else Source.WHITE_BOX
    for settings in plan.verification:
        trial = Trial(settings, plan.threat, Source.WHITE_BOX if settings.method.searches else cured)
        progress.task(f"verification: {describe(trial)}")
        among = torch.from_numpy(standing).to(bench.clean.device)
        spared = int(bench.clean.sum()) - int(standing.sum())
        progress.advance(spared * image_steps(settings))
        result, _ = run_trial(bench, trial, among, progress.advance)
        standing = standing & result.standing
        standing_8bit = standing_8bit & _standing_8bit(result)
        row = attack_row(result, role="verification")
        accuracy, stored = (estimate(int(left.sum()), len(left)) for left in (standing, standing_8bit))
        journal.verification.append(replace(row, accuracy=accuracy, accuracy_8bit=row.accuracy_8bit and stored))
    return standing


def _standing_8bit(result: TrialResult) -> NDArray[np.bool_]:
    """(N,) bool: images that no 8-bit file of this attack's fools; all that were right where that was not measured."""
    return result.clean if result.standing_8bit is None else result.standing_8bit
