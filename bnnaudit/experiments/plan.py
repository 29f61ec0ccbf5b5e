"""The attacks behind the rows of a table and the points of a figure, before anything is run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bnnaudit.core.attack import (
    AttackSettings,
    Auto,
    BetaRule,
    Climb,
    ErrorSignal,
    Iprop,
    Pgd,
    Search,
)
from bnnaudit.core.reproduction import AttackFacts, Panel, TableName
from bnnaudit.core.surrogate import Surrogate, SurrogateKind, WidthUnit
from bnnaudit.core.threat import Norm, Threat, length_text
from bnnaudit.core.trial import Source, Trial
from bnnaudit.experiments.lines import LINES, NJS, OURS, line_of
from bnnaudit.experiments.paper import PaperTable
from bnnaudit.experiments.row_names import CLEAN
from bnnaudit.experiments.sizes import L2, LINF, AttackSizes

COMPARED: dict[TableName, tuple[str, ...]] = {
    TableName.TABLE1: ("pgd++ njs", "pgd++ hns"),
    TableName.TABLE5: (OURS,),
    TableName.TABLE8: (OURS,),
    TableName.TABLE10: (OURS,),
}
"""Rows that are run beside those of the paper's table: what its claim compares with, and this tool's strongest."""
ITERATIONS = (1, 2, 5, 10, 20, 50, 100)
"""Numbers of steps on the curve of Figure 1; all are read off the longest run. Not tuned."""
RADII = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Radii on the curve of Figure 1, as shares of the network's own. Not tuned."""
STEP_SIZES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0)
"""Step sizes on the curve of Figure 3, as shares of the radius. Not tuned."""
IPROP_RADII = (0.25, 0.5, 1.0)
"""Radii of Figure 2 as shares of the network's own, where none are given; not tuned."""
ACCURACY = "accuracy left"
PANELS: dict[TableName, tuple[Panel, ...]] = {
    TableName.FIGURE1: (
        Panel("Iterations", "iterations", ACCURACY, log_x=True, share=True),
        Panel("Radius", "L-inf radius", ACCURACY, log_x=True, share=True),
    ),
    TableName.FIGURE2: (Panel("Radius", "L-inf radius", ACCURACY, log_x=False, share=True),),
    TableName.FIGURE3: (Panel("Step size", "step size", ACCURACY, log_x=True, share=True),),
    TableName.FIGURE4: (
        Panel("Error signal", "temperature b", "||psi||", log_x=True, share=False),
        Panel("Softmax Jacobian", "temperature b", "||dp/da||", log_x=True, share=False),
        Panel("Hessian", "temperature b", "||d²l/dx²||", log_x=True, share=False),
    ),
    TableName.FIGURE5: (
        Panel("Input gradient", "temperature b", "||dl/dx||", log_x=True, share=False),
        Panel("Its sign", "temperature b", "||sign(dl/dx)||", log_x=True, share=False),
    ),
}


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row or point, and the attack that gives it. after: the steps after which a longer run is looked at."""

    key: str
    name: str
    trial: Trial
    after: int | None = None
    panel: int = 0
    series: str = ""
    x: float | None = None
    at: str = ""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a plan depends on: the sizes of the attacks, the threat that they vary, and the network.

    restarts: of the row that has many. quantized: whether the network has steps, so that a surrogate matters. radii: of
    Figure 2, empty for the usual ones.
    """

    sizes: AttackSizes
    threat: Threat
    restarts: int
    quantized: bool
    radii: tuple[float, ...] = ()

    def under(self, size: str) -> Threat:
        """The threat for attacks of that size."""
        return replace(self.threat, norm=Norm.L2 if size == L2 else Norm.LINF, eps=self.sizes.of[size].eps)


def attack_rows(table: PaperTable, setup: Setup) -> tuple[PlannedRow, ...]:
    """The attacks of a table or figure, none where it is not about attacks."""
    match table.name:
        case TableName.FIGURE1:
            return (*_iterations(setup), *_radii(setup))
        case TableName.FIGURE2:
            return tuple(_fully_connected(setup))
        case TableName.FIGURE3:
            return tuple(_step_sizes(setup))
        case TableName.TABLE7 | TableName.TABLE11 | TableName.TABLE13 | TableName.FIGURE4 | TableName.FIGURE5:
            return ()
    keys = [key for key in (*table.rows, *COMPARED.get(table.name, ())) if key != CLEAN]
    # Without steps a surrogate changes nothing: the row would be there twice.
    return tuple(_row(key, setup) for key in keys if key != OURS or setup.quantized)


def _row(key: str, setup: Setup) -> PlannedRow:
    line = line_of(key, setup.restarts)
    return PlannedRow(key, line.name, Trial(line.make(setup.sizes.of[line.size]), setup.under(line.size)))


def _iterations(setup: Setup) -> Iterator[PlannedRow]:
    size, threat = setup.sizes.of[LINF], setup.under(LINF)
    for key in ("pgd", "pgd++ njs"):
        line = LINES[key]
        trial = Trial(line.make(replace(size, steps=ITERATIONS[-1])), threat)
        for steps in ITERATIONS:
            at = f"{steps:g}"
            yield PlannedRow(
                f"{key} iterations={at}",
                f"{line.name}, {at} step{'s' * (steps > 1)}",
                trial,
                steps,
                0,
                line.name,
                steps,
                at,
            )


def _radii(setup: Setup) -> Iterator[PlannedRow]:
    own = setup.sizes.of[LINF]
    for share in RADII:
        size = replace(own, eps=min(1.0, own.eps * share), step=own.step * share)
        threat, at = replace(setup.under(LINF), eps=size.eps), length_text(size.eps)
        for key in ("pgd", "pgd++ njs"):
            line = LINES[key]
            trial = Trial(line.make(size), threat)
            yield PlannedRow(
                f"{key} radius={share:g}", f"{line.name}, radius {at}", trial, None, 1, line.name, size.eps, at
            )
        name = "PGD from the float twin"
        # Carried past its first success, so that the images are confidently wrong there.
        settings = Pgd(step_size=size.step, steps=size.steps, stop_at_success=False, error_signal=ErrorSignal.EXACT)
        trial = Trial(settings, threat, Source.SUBSTITUTE)
        yield PlannedRow(f"transfer radius={share:g}", f"{name}, radius {at}", trial, None, 1, name, size.eps, at)


def _step_sizes(setup: Setup) -> Iterator[PlannedRow]:
    own, threat = setup.sizes.of[LINF], setup.under(LINF)
    for share in STEP_SIZES:
        size = replace(own, step=own.eps * share)
        at = length_text(size.step)
        for key in ("pgd", "pgd++ njs"):
            line = LINES[key]
            trial = Trial(line.make(size), threat)
            yield PlannedRow(
                f"{key} step={share:g}", f"{line.name}, step {at}", trial, None, 0, line.name, size.step, at
            )


def _fully_connected(setup: Setup) -> Iterator[PlannedRow]:
    """PGD and the first PGD++ are as the paper ran them, straight-through; the second goes through a surrogate that narrows with
    the reach of each layer, with momentum, shrinking steps and restarts."""
    own = setup.sizes.of[LINF]
    narrowing = Surrogate(SurrogateKind.ARCTAN, 4, WidthUnit.REACH, 0.5)
    strong = Pgd(steps=100, restarts=10, beta=NJS, surrogate=narrowing, momentum=0.75, final_step=0.1)
    attacks: list[tuple[str, str, AttackSettings]] = [
        ("pgd", "PGD", Pgd(steps=own.steps)),
        ("pgd++ njs", "PGD++ NJS", Pgd(steps=own.steps, beta=NJS)),
        ("pgd++ njs strong", f"PGD++ NJS, {narrowing}", strong),
        ("iprop", "IPROP", Iprop()),
        ("auto", "auto", Auto()),
    ]
    radii = setup.radii or tuple(own.eps * share for share in IPROP_RADII)
    for key, name, settings in attacks:
        for radius in radii:
            at = length_text(radius)
            trial = Trial(settings, replace(setup.under(LINF), eps=radius))
            yield PlannedRow(f"{key} radius={at}", f"{name}, radius {at}", trial, None, 0, name, radius, at)


def attack_facts(trial: Trial) -> AttackFacts:
    """An attack in full, as plain values."""
    settings = trial.attack
    climbs = isinstance(settings, Climb)
    return AttackFacts(
        method=str(settings.method),
        loss=str(settings.loss) if climbs else "",
        beta=str(settings.beta) if climbs and settings.beta.rule is not BetaRule.NONE else "",
        surrogate=str(settings.surrogate) if not isinstance(settings, Search | Auto | Iprop) else "",
        norm=str(trial.threat.norm),
        eps=trial.threat.eps,
        steps=settings.steps,
        restarts=settings.restarts,
        step_size=settings.first_step(trial.threat),
        queries=settings.queries if isinstance(settings, Search) else None,
        source=str(trial.source),
    )
