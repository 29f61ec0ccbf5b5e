"""Runs the phases of `auto` one after the other, each on the images that still stand, while the budget lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bnnaudit.attacks.auto import phases
from bnnaudit.attacks.auto.spending import progress_units
from bnnaudit.attacks.auto.state import Run
from bnnaudit.attacks.context import Context
from bnnaudit.core.attack import AttackSettings
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


def _always(run: Run) -> bool:
    return True


def _active(run: Run) -> bool:
    return run.active


def _has_steps(run: Run) -> bool:
    return run.active and run.in_linf and run.quantized


def _climbs_in_l2(run: Run) -> bool:
    return run.active and not run.in_linf


def _climbs_in_linf(run: Run) -> bool:
    return run.active and run.in_linf and (run.levels is None or run.spending.used < CLIMBING_SHARE)


def _has_levels(run: Run) -> bool:
    return run.active and run.levels is not None and run.spending.used >= CLIMBING_SHARE


def _has_no_levels(run: Run) -> bool:
    return run.active and run.levels is None


def _has_windows(run: Run) -> bool:
    return run.active and run.in_linf and run.levels is None


ONCE = (
    Phase("first climb", _always, phases.climb_first),
    Phase("margins before", _active, phases.drop_hopeless),
    Phase("unit search", _has_steps, phases.search_by_units, 0.5),
    Phase("input levels", _has_steps, phases.find_levels),
    Phase("choice of climbs", _active, phases.choose_climbs, 0.35),
)
"""What happens first, in this order. Not tuned: the shares."""
REPEATED = (
    Phase("climbs", _climbs_in_l2, phases.climb_in_turn),
    Phase("climbs", _climbs_in_linf, phases.climb_in_turn, 0.8),
    Phase("window search", _has_windows, phases.search_by_windows, 2.0),
    Phase("level search", _has_levels, phases.search_by_levels),
    Phase("hopeless images", _has_no_levels, phases.drop_hopeless),
)
"""What goes on in turn until the budget is spent or nothing stands.

0.8 for climbs in L-inf, so that a search follows even where the budget is small: at a budget of 300, of 50 images, a network
of 2-bit inputs (BNN-WAQ, 0.1) has 26 left at 1, 24 at 0.8, 22 at 0.5; one of 1-bit inputs (MNIST, 0.2) 29, 29 and 30.
2 for windows: on traffic signs at L-inf 1/255, with 1000 gradients each, the margins of images that nothing fools came down
to 32 % by climbs alone, to 30 % by turns of equal price, to 29 % where windows had three times the price of the climbs.
"""


def image_steps(settings: AttackSettings) -> int:
    """The budget in gradients for each image, or percents of the time."""
    return progress_units(settings.budget)


def attack(settings: AttackSettings, context: Context, batch: Batch) -> Outcome:
    """Runs the phases that apply on the images that still stand; those without hope are given up before the budget ends.

    Of `settings` only the budget counts. `fooled_at` counts the steps of all climbs on the image, those of choosing aside.
    """
    run = Run.begun(settings, context, batch)
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
    return run.found.outcome()
