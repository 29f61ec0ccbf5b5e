"""Kinds of claims, each judged by the rows of one model: holds, does not hold, or is inconclusive with so few images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np

from bnnaudit.core.reproduction import Claim, ClaimFigure, Outcome, ReproducedRow
from bnnaudit.experiments.found import Found
from bnnaudit.numerics.intervals import mcnemar_exact
from bnnaudit.rules.comparison import MATERIAL, SIGNIFICANCE, Paired, compare

EVEN_FACTOR = 1.1
"""A quantity that changes by less than this factor stays as it is: the paper prints three digits, and its means are over other
images. Not tuned."""
HALF = 0.5
"""A curve has vanished at an end where it is below this part of its peak. Not tuned."""
TOO_FEW = "too few images to decide"


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges claims by what was found; a claim without its rows is undecided."""

    found: Found

    def leaves_much(self, statement: str, keys: Sequence[str]) -> Claim:
        """Each of the attacks leaves more than `MATERIAL`, with its whole interval."""
        rows = self._rows(keys)
        if not rows:
            return self._missing(statement, keys)
        lowest = min(rows, key=_left)
        assert lowest.cell is not None
        return _claim(statement, [lowest], lowest.cell.low > MATERIAL, lowest.cell.high < MATERIAL)

    def leaves_little(self, statement: str, keys: Sequence[str]) -> Claim:
        """The strongest of the attacks leaves less than `MATERIAL`, with its whole interval."""
        rows = self._rows(keys)
        return self._little(statement, min(rows, key=_left)) if rows else self._missing(statement, keys)

    def each_leaves_little(self, statement: str, keys: Sequence[str]) -> Claim:
        """The weakest of them does."""
        rows = self._rows(keys)
        complete = len(rows) == len(keys)
        return self._little(statement, max(rows, key=_left)) if complete and rows else self._missing(statement, keys)

    def _little(self, statement: str, row: ReproducedRow) -> Claim:
        assert row.cell is not None
        return _claim(statement, [row], row.cell.high < MATERIAL, row.cell.low > MATERIAL)

    def at_least_as_strong(self, statement: str, groups: Sequence[tuple[Sequence[str], Sequence[str]]]) -> Claim:
        """In every group the best of ours against the best of the others, image by image.

        It holds where the other fools nothing that ours leaves, or ours fools significantly more. Each side was chosen as its
        best, and any group may refute the claim, which its own p-value pays for (Bonferroni).
        """
        sides = [(self._rows(ours), self._rows(others)) for ours, others in groups]
        if not sides or not all(ours and others for ours, others in sides):
            return self._missing(statement, [key for pair in groups for key in chain(*pair)])
        holds, fails, figures, p_values = [], [], [], []
        for ours, others in sides:
            best, rival = min(ours, key=_left), min(others, key=_left)
            pair = self._pair(rival, best)
            holds.append(pair.only_first == 0 or (pair.gain > 0 and pair.p_among(len(ours)) < SIGNIFICANCE))
            fails.append(pair.gain < 0 and pair.p_among(len(others) * len(sides)) < SIGNIFICANCE)
            figures += [best, rival]
            p_values.append(pair.p_value)
        why = "each fools images that the other does not, too few to show which is stronger"
        return _claim(statement, figures, all(holds), any(fails), min(p_values), why)

    def weaker(self, statement: str, pairs: Sequence[tuple[str, str]]) -> Claim:
        """In every pair the first attack leaves significantly more than the second; it fails where one leaves less."""
        rows = [(self.found.row(weak), self.found.row(strong)) for weak, strong in pairs]
        known = [(weak, strong) for weak, strong in rows if weak is not None and strong is not None]
        if not known or len(known) < len(pairs):
            return self._missing(statement, list(chain(*pairs)))
        compared = [self._pair(weak, strong) for weak, strong in known]
        holds = all(pair.gain > 0 and pair.p_value < SIGNIFICANCE for pair in compared)
        fails = any(pair.gain < 0 and pair.p_among(len(compared)) < SIGNIFICANCE for pair in compared)
        p_value = max(pair.p_value for pair in compared) if holds else min(pair.p_value for pair in compared)
        return _claim(statement, list(chain(*known)), holds, fails, p_value)

    def leaves_a_gap(self, statement: str, weak: str, strong: Sequence[str]) -> Claim:
        """One attack leaves significantly more than the best of others; it fails where it leaves no more, and that is no chance:
        the interval of the difference stays below `MATERIAL`."""
        row, rows = self.found.row(weak), self._rows(strong)
        if row is None or not rows:
            return self._missing(statement, [weak, *strong])
        best = min(rows, key=_left)
        pair = self._pair(row, best)
        holds = pair.gain > 0 and pair.p_among(len(rows)) < SIGNIFICANCE
        fails = pair.gain <= 0 and pair.interval[1] < MATERIAL
        return _claim(statement, [row, best], holds, fails, pair.p_value)

    def flat(self, statement: str, keys: Sequence[str]) -> Claim:
        """The most and the least that is left differ by less than `MATERIAL`; it fails where they differ by more."""
        rows = self._rows(keys)
        if len(rows) < len(keys):
            return self._missing(statement, keys)
        most, least = max(rows, key=_left), min(rows, key=_left)
        pair = self._pair(most, least)
        fails = pair.is_material and pair.p_among(len(rows) * (len(rows) - 1) // 2) < SIGNIFICANCE
        return _claim(statement, [most, least], pair.interval[1] < MATERIAL, fails, pair.p_value)

    def lower(self, statement: str, lower: Sequence[str], higher: Sequence[str]) -> Claim:
        """Each of some quantities is lower than each of others on significantly more images, and in its mean (sign test)."""
        ours, others = self._rows(lower), self._rows(higher)
        if len(ours) < len(lower) or len(others) < len(higher):
            return self._missing(statement, [*lower, *higher])
        p_values, holds, fails = [], [], []
        for one in ours:
            for other in others:
                first, second = self.found.values[one.key], self.found.values[other.key]
                below, above = int((first < second).sum()), int((first > second).sum())
                p_value = mcnemar_exact(below, above)
                p_values.append(p_value)
                holds.append(below > above and p_value < SIGNIFICANCE)
                fails.append(above > below and p_value * len(ours) * len(others) < SIGNIFICANCE)
        return _claim(
            statement, [*others, *ours], all(holds), any(fails), max(p_values) if all(holds) else min(p_values)
        )

    def costs(self, statement: str, plain: str, cheap: str, dear: str) -> Claim:
        """The last takes longer than the middle one, and that less than twice as long as the first, on most images."""
        rows = self._rows([plain, cheap, dear])
        if len(rows) < 3:
            return self._missing(statement, [plain, cheap, dear])
        base, middle, last = (self.found.values[row.key] for row in rows)
        pairs = [(middle, last), (middle, 2 * base)]
        counts = [(int((first < second).sum()), int((first > second).sum())) for first, second in pairs]
        p_values = [mcnemar_exact(*each) for each in counts]
        tests = list(zip(counts, p_values, strict=True))
        holds = all(below > above and p_value < SIGNIFICANCE for (below, above), p_value in tests)
        fails = any(above > below and 2 * p_value < SIGNIFICANCE for (below, above), p_value in tests)
        return _claim(statement, rows, holds, fails, max(p_values))

    def moves_alike(
        self, statement: str, quantities: Sequence[str], rules: Sequence[str], papers: Mapping[str, str]
    ) -> Claim:
        """From `original` to each rule every quantity goes up, down or stays as the paper's does; what stays contradicts nothing.

        papers: the paper's figures for such a network. These are means of a whole sample without a test: a change counts from the
        factor `EVEN_FACTOR` on.
        """
        against: list[ReproducedRow] = []
        seen: dict[str, ReproducedRow] = {}
        for quantity in quantities:
            for rule in rules:
                first, second = f"{quantity} original", f"{quantity} {rule}"
                before, after = self.found.row(first), self.found.row(second)
                if before is None or after is None or first not in papers or second not in papers:
                    continue
                seen |= {first: before, second: after}
                expected = _direction(float(papers[first]), float(papers[second]))
                if expected * _direction(_left(before), _left(after)) < 0:
                    against += [before, after]
        if not seen:
            return Claim(statement, Outcome.UNDECIDED, why="the paper has no such network, or a row is missing")
        return _claim(statement, against or list(seen.values()), not against, bool(against))

    def falls(self, statement: str, series: str) -> Claim:
        """A curve goes down from its first to its last point, and never up by more than a thousandth of its largest value."""
        points = self._curve(series)
        values = [_left(point) for point in points]
        if len(values) < 2:
            return self._missing(statement, [series])
        never_up = all(later <= earlier + 1e-3 * max(values) for earlier, later in pairwise(values))
        holds = never_up and values[-1] < HALF * values[0]
        return _claim(statement, [points[0], points[-1]], holds, not holds)

    def peaks_inside(self, statement: str, names: Sequence[str]) -> Claim:
        """Each of these curves is largest between its ends, where it has at most half of that left."""
        figures: list[ReproducedRow] = []
        holds = True
        for series in names:
            points = self._curve(series)
            if len(points) < 3:
                return self._missing(statement, [series])
            peak = max(points, key=_left)
            holds &= max(_left(points[0]), _left(points[-1])) <= HALF * _left(peak)
            figures += [points[0], peak, points[-1]]
        return _claim(statement, figures, holds, not holds)

    def vanishes(self, statement: str, series: str) -> Claim:
        """A curve is flat at its largest value for small b and falls below half of it for large ones."""
        points = self._curve(series)
        if len(points) < 3:
            return self._missing(statement, [series])
        largest = max(points, key=_left)
        holds = _left(points[0]) * EVEN_FACTOR >= _left(largest) and _left(points[-1]) < HALF * _left(largest)
        return _claim(statement, [points[0], points[-1]], holds, not holds)

    def _curve(self, series: str) -> list[ReproducedRow]:
        return [row for row in self.found.rows if row.series == series and row.value is not None]

    def _rows(self, keys: Iterable[str]) -> list[ReproducedRow]:
        return [row for row in map(self.found.row, keys) if row is not None]

    def _pair(self, first: ReproducedRow, second: ReproducedRow) -> Paired:
        return compare(*(np.asarray(self.found.values[row.key]) for row in (first, second)))

    def _missing(self, statement: str, keys: Sequence[str]) -> Claim:
        unable = [row for row in self.found.rows if row.key in keys and row.unable]
        why = f"{unable[0].name}: {unable[0].unable}" if unable else "a row is missing"
        return Claim(statement, Outcome.UNDECIDED, why=why)


def _left(row: ReproducedRow) -> float:
    assert row.value is not None
    return row.value


def _direction(before: float, after: float) -> int:
    """1 up, -1 down, 0 where it stays as it is."""
    if after > before * EVEN_FACTOR:
        return 1
    return -1 if after * EVEN_FACTOR < before else 0


def _claim(
    statement: str,
    rows: Sequence[ReproducedRow],
    holds: bool,
    fails: bool,
    p_value: float | None = None,
    undecided: str = TOO_FEW,
) -> Claim:
    outcome = Outcome.FAILS if fails else Outcome.HOLDS if holds else Outcome.UNDECIDED
    figures = tuple(ClaimFigure(row.name, row.cell, row.number) for row in rows)
    return Claim(statement, outcome, figures, p_value, undecided if outcome is Outcome.UNDECIDED else "")
