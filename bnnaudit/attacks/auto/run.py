"""Runs the phases of `auto` one after the other, each on the images that still stand, while the budget lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bnnaudit.attacks.auto import phases
from bnnaudit.attacks.auto.state import Run
from bnnaudit.attacks.context import Context
from bnnaudit.core.attack import Auto
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome

CLIMBING_SHARE = 0.4
"""Of the budget, what climbs get where a search among the levels of the input follows. Not tuned."""


@dataclass(frozen=True, slots=True)
class Phase:
    """applies: whether it has anything to do at this point of a run. share: of the budget, in the words of `run`."""

    name: str
    applies: Callable[[Run], bool]
    run: Callable[[Run, float], None]
    share: float = 1.0


def _levels_are_next(run: Run) -> bool:
    """Whether climbs have had their share of a run that ends with a search among levels."""
    return run.levels is not None and run.spending.used >= CLIMBING_SHARE


ONCE = (
    Phase("first climb", lambda run: True, phases.climb_first),
    Phase("margins before", lambda run: run.active, phases.drop_hopeless),
    Phase("unit search", lambda run: run.active and run.in_linf and run.quantized, phases.search_by_units, 0.5),
    Phase("input levels", lambda run: run.active and run.in_linf and run.quantized, phases.find_levels),
    Phase("choice of climbs", lambda run: run.active, phases.choose_climbs, 0.35),
)
"""What happens first. 0.35 of what is left is the most that choosing may take; it attacks while it chooses, so little of this is
lost. 0.5 is what the search by units gets of a budget that is a time. Both are not tuned."""
REPEATED = (
    Phase("climbs", lambda run: run.active and not run.in_linf, phases.climb_in_turn),
    Phase("climbs", lambda run: run.active and run.in_linf and not _levels_are_next(run), phases.climb_in_turn, 0.8),
    Phase("window search", lambda run: run.active and run.in_linf and not run.levels, phases.search_by_windows, 2.0),
    Phase("level search", lambda run: run.active and _levels_are_next(run), phases.search_by_levels),
    Phase("hopeless images", lambda run: run.active and not run.levels, phases.drop_hopeless),
)
"""What goes on in turn until the budget is spent or nothing stands.

0.8 for climbs in L-inf, so that a search follows even where the budget is small: at a budget of 300, of 50 images, a network
of 2-bit inputs (BNN-WAQ, 0.1) has 26 left at 1, 24 at 0.8, 22 at 0.5; one of 1-bit inputs (MNIST, 0.2) 29, 29 and 30.
2 for windows: on traffic signs at L-inf 1/255, with 1000 gradients each, the margins of images that nothing fools came down
to 32 % by climbs alone, to 30 % by turns of equal price, to 29 % where windows had three times the price of the climbs.
"""


def attack(settings: Auto, context: Context, batch: Batch) -> Outcome:
    """Runs the phases that apply on the images that still stand; those without hope are given up before the budget ends.

    Of `settings` only the budget counts. `fooled_at` counts the steps of all climbs on the image, those of choosing aside.
    """
    run = Run.begun(settings.budget, context, batch)
    for phase in ONCE:
        if phase.applies(run):
            phase.run(run, phase.share)
    while run.active:
        before = run.spending.left
        for phase in REPEATED:
            if phase.applies(run):
                phase.run(run, phase.share)
        if run.spending.left == before:
            # Too little is left for a turn, and nothing else would end the loop.
            break
    run.spending.finish()
    return replace(run.best.outcome(run.cost), parts=tuple(run.parts.values()))
