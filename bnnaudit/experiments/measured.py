"""The tables and figures that are not about attacks: times, CLEVER scores, signal propagation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.attack import Beta, BetaRule, Climb, Pgd
from bnnaudit.core.clever import Ball, CleverSettings, usual_radii
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.reproduction import Mark, ReproducedRow, TableName
from bnnaudit.core.trial import Trial
from bnnaudit.experiments.found import Found
from bnnaudit.experiments.lines import HNS, LINES, NJS
from bnnaudit.experiments.model_run import ModelRun
from bnnaudit.experiments.paper import PaperTable, paper
from bnnaudit.experiments.plan import attack_facts
from bnnaudit.experiments.row_names import QUANTITIES, row_name
from bnnaudit.experiments.sizes import FGSM
from bnnaudit.measurements.attack_time import attack_seconds
from bnnaudit.measurements.clever import clever_scores
from bnnaudit.measurements.gradient_curves import gradient_curves
from bnnaudit.numerics.intervals import Proportion, mean_interval, median_interval
from bnnaudit.quantization.quantizers import with_surrogate

TIMED = 50
"""Images that are attacked one by one for their time. Not tuned."""
SCORED = 30
"""Images with a CLEVER score, which takes some 500 gradients of every class for each. Not tuned."""
BEYOND = 10.0
"""How far beyond the temperatures of Figure 4 those of Figure 5 go. Not tuned."""
NONE_RIGHT = "no image is classified correctly"


def measured(table: PaperTable, run: ModelRun) -> Found:
    """The rows of such a table or figure."""
    return MEASURES[table.name](table, run)


def _row(
    key: str, name: str, values: NDArray[np.float64] | None, interval: Callable[[Sequence[float]], Proportion]
) -> ReproducedRow:
    """The figure of some images' quantities; a single one has no interval."""
    if values is None:
        return ReproducedRow(key, name, unable=NONE_RIGHT)
    if len(values) == 1:
        return ReproducedRow(key, name, number=float(values[0]))
    return ReproducedRow(key, name, cell=Estimate(*interval(values.tolist()), len(values)))


def _times(table: PaperTable, run: ModelRun) -> Found:
    run.progress.task("one step at a time")
    threat, size = run.setup.under(FGSM), run.setup.sizes.of[FGSM]
    attacks = [LINES[key].make(size) for key in table.rows]
    climbs = [each for each in attacks if isinstance(each, Climb)]
    inputs = run.prepared.inputs
    batch = run.prepared.right.select(slice(0, TIMED))
    seconds = attack_seconds(climbs, inputs.target, batch, threat, inputs.seed)
    run.progress.advance(images_of(run))
    values = dict(zip(table.rows, seconds, strict=True)) if len(batch) else {}
    rows = [
        replace(
            _row(key, row_name(table.name, key), values.get(key), median_interval),
            attack=attack_facts(Trial(settings, threat)),
        )
        for key, settings in zip(table.rows, climbs, strict=True)
    ]
    return Found(tuple(rows), values)


def _scores(table: PaperTable, run: ModelRun) -> Found:
    """For the paper's data in the paper's ball; else in one that fits the size of the images."""
    run.progress.task("CLEVER scores")
    facts, prepared, clever = run.prepared.target.facts, run.prepared, paper().clever
    rules = {"original": Beta(), "heuristic": Beta(BetaRule.FIXED, clever.heuristic), "njs": NJS, "hns": HNS}
    usual = usual_radii(prepared.sample.images[0].numel())[Ball.L1]
    settings = CleverSettings(
        betas=tuple(rules[key] for key in table.rows),
        radii={Ball.L1: clever.radius if run.setup.sizes.from_paper else usual},
        batches=clever.batches,
        draws=clever.draws,
        targets=facts.num_classes - 1,
    )
    target = replace(prepared.target, network=with_surrogate(prepared.target.network, Pgd().surrogate))
    batch = prepared.right.select(slice(0, SCORED))
    found = clever_scores(target, batch, settings, prepared.inputs.seed, prepared.inputs.batch_size)
    run.progress.advance(images_of(run))
    scores: NDArray[np.float64] = found.scores[Ball.L1][:, 1:].double().cpu().numpy()
    values = dict(zip(table.rows, scores.T, strict=True)) if len(batch) else {}
    rows = [_row(key, row_name(table.name, key), values.get(key), mean_interval) for key in table.rows]
    return Found(tuple(rows), values)


def _propagation(table: PaperTable, run: ModelRun) -> Found:
    signal = run.signal()
    run.progress.advance(images_of(run))
    rows = []
    for key in table.rows:
        name, _, scaling = key.rpartition(" ")
        number = None if signal is None else float(getattr(getattr(signal, scaling), QUANTITIES[name][1]))
        rows.append(ReproducedRow(key, row_name(table.name, key), number=number, unable="" if signal else NONE_RIGHT))
    return Found(tuple(rows), {})


def _curves(table: PaperTable, run: ModelRun) -> Found:
    signal = run.signal()
    curves = None if signal is None else signal.curves
    if signal is None or curves is None:
        run.progress.advance(images_of(run))
        return Found((ReproducedRow("curve", "curve", unable=NONE_RIGHT),), {})
    lines: list[tuple[str, Sequence[float]]]
    betas = curves.betas
    if table.name is TableName.FIGURE4:
        lines = [
            ("||psi||", curves.psi_norm),
            ("||dp/da||", curves.softmax_jacobian_norm),
            ("||d²l/dx²||", curves.hessian_norm),
        ]
    else:
        run.progress.task("gradient against b")
        probed, betas = run.prepared.right.select(slice(0, signal.original.n)), _further(betas)
        norms, signs = gradient_curves(run.prepared.target, probed, betas)
        lines = [("||dl/dx||", norms), ("||sign(dl/dx)||", signs)]
    run.progress.advance(images_of(run))
    chosen = (Mark("b = 1", 1.0), Mark("NJS", signal.njs.beta_median), Mark("HNS", signal.hns.beta_median))
    return Found(tuple(_points(lines, betas)), {}, chosen)


def _further(betas: Sequence[float]) -> tuple[float, ...]:
    """The same with `BEYOND` times the last in the same ratios: there the gradient of a float network vanishes as well."""
    ratio = betas[-1] / betas[-2]
    return (*betas, *(betas[-1] * ratio**step for step in range(1, 1 + round(math.log(BEYOND, ratio)))))


def _points(lines: Sequence[tuple[str, Sequence[float]]], betas: Sequence[float]) -> Iterator[ReproducedRow]:
    for panel, (series, values) in enumerate(lines):
        for beta, value in zip(betas, values, strict=True):
            at = f"{beta:.3g}"
            yield ReproducedRow(
                f"{series} b={at}", f"{series} at b = {at}", number=value, panel=panel, series=series, x=beta, at=at
            )


def images_of(run: ModelRun) -> int:
    """Units of progress of such a table."""
    return len(run.clean)


MEASURES: Mapping[TableName, Callable[[PaperTable, ModelRun], Found]] = {
    TableName.TABLE7: _times,
    TableName.TABLE11: _scores,
    TableName.TABLE13: _propagation,
    TableName.FIGURE4: _curves,
    TableName.FIGURE5: _curves,
}
