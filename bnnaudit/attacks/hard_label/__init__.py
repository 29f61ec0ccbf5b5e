"""Hard-label attack: it learns nothing but the predicted class, and goes for the nearest image of another one.

In L-inf it is a search for a sign of every pixel, RayS ([Chen & Gu 2020]); in L2 it walks along the boundary by normals
that it estimates, HopSkipJump ([Chen, Jordan & Wainwright 2020]).
"""

from __future__ import annotations

from typing import assert_never

from bnnaudit.attacks.context import Context
from bnnaudit.attacks.hard_label import hops, rays
from bnnaudit.attacks.hard_label.oracle import Oracle
from bnnaudit.attacks.search import image_steps
from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.threat import Norm


def attack(settings: AttackSettings, context: Context, batch: Batch) -> Outcome:
    """At most `settings.queries` classes for each of N images in each restart; an image leaves at its first success.

    `fooled_at` counts the queries before the success. An image that still stands is given back as it was, and no margin is
    known of any, since no score was looked at.
    """
    oracle = Oracle.of(settings, context, batch)
    for restart in range(settings.restarts):
        oracle.open(restart)
        match context.threat.norm:
            case Norm.LINF:
                rays.search(oracle, restart)
            case Norm.L2:
                hops.walk(oracle, restart)
            case _:
                assert_never(context.threat.norm)
        oracle.close()
    return oracle.outcome()


__all__ = ["attack", "image_steps"]
