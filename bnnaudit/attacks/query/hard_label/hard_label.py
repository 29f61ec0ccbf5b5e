"""Hard-label attack: it learns nothing but the predicted class, and goes for the nearest image of another one.

In L-inf it is a search for a sign of every pixel, RayS ([Chen & Gu 2020]); in L2 it follows the boundary by normals
that it estimates, HopSkipJump ([Chen et al. 2020]).
"""

from __future__ import annotations

import torch

from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.query.hard_label import hopskipjump, rays
from bnnaudit.attacks.query.hard_label.queries import Queries
from bnnaudit.core.attack import HardLabel
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.threat import Norm


def attack(settings: HardLabel, context: Context, batch: Batch) -> Outcome:
    """At most `settings.queries` classes for each of N images in each restart; an image leaves at its first success.

    `fooled_at` counts the queries before the success. An image that still stands is given back as it was, and no margin is
    known of any, since no score was looked at.
    """
    best = BestSoFar.blank(batch)
    queries = Queries(settings, context, batch, best, torch.zeros_like(best.fooled_at))
    search = {Norm.LINF: rays.search, Norm.L2: hopskipjump.search}[context.threat.norm]
    for restart in queries.restarts():
        search(queries, restart)
    return best.outcome(Cost(forwards=queries.forwards))
