"""Values of any field of a report, drawn by its type, so that a field that is added later is drawn as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import date
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from bnnaudit.core.attack import SETTINGS, AttackSettings, Auto
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Family, Finding, Measurement, Rule
from bnnaudit.core.report import AttackRow, Cure, CureKind, Report, SessionAccuracies, SignalCurves, Verdict
from bnnaudit.core.threat import Box, InputGrid
from tests.reports.pngs import png

FRACTIONS = st.floats(0, 1)
COUNTS = st.integers(0, 2**40)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
"""Everything but lone surrogates, which are no text to JSON."""
SCALARS: dict[type, st.SearchStrategy[Any]] = {
    str: TEXTS,
    bool: st.booleans(),
    int: COUNTS,
    float: st.floats(0, 1e6),
    date: st.dates(),
    bytes: st.builds(png, st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.integers(1, 3)),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of an annotated type."""
    if kind in SPECIAL:
        return SPECIAL[kind]()
    if get_origin(kind) in (Union, UnionType):
        return st.one_of(st.none() if one is NoneType else values(one) for one in get_args(kind))
    if get_origin(kind) is tuple:
        return _tuples(get_args(kind))
    if is_dataclass(kind):
        return _by_fields(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    return SCALARS[kind]


def field_of_a_report(name: str) -> st.SearchStrategy[Any]:
    """Values of a field of `Report`."""
    found = values(get_type_hints(Report)[name])
    return found.map(_explained_alike) if name == "findings" else found


def _tuples(kinds: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return st.lists(values(kinds[0]), max_size=3).map(tuple)
    return st.tuples(*map(values, kinds))


def _by_fields(kind: Any, **others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    drawn = {one.name: values(hints[one.name]) for one in fields(kind) if one.name not in others}
    return st.builds(kind, **drawn, **others)


def _settings() -> st.SearchStrategy[Any]:
    return st.one_of(_by_fields(kind) for kind in SETTINGS.values())


def _estimates() -> st.SearchStrategy[Any]:
    return st.builds(Estimate, FRACTIONS, FRACTIONS, FRACTIONS, COUNTS)


def _sessions() -> st.SearchStrategy[Any]:
    """Both of the same images."""
    drawn = _by_fields(SessionAccuracies)
    return drawn.map(lambda one: replace(one, default=replace(one.default, n=one.exact.n)))


def _rows() -> st.SearchStrategy[Any]:
    """Parts of `auto` alone; both accuracies of the same images."""

    def fitting(row: AttackRow) -> AttackRow:
        rounded = row.accuracy_8bit and replace(row.accuracy_8bit, n=row.accuracy.n)
        parts = row.parts if isinstance(row.settings, Auto) else ()
        return replace(row, accuracy_8bit=rounded, parts=parts)

    return _by_fields(AttackRow).map(fitting)


def _boxes() -> st.SearchStrategy[Any]:
    return st.builds(Box, st.floats(-300, -1), st.floats(0, 300))


def _grids() -> st.SearchStrategy[Any]:
    """As many values in each list, the last above the first."""
    channel = st.tuples(st.floats(-300, -1), st.floats(0, 300), st.integers(1, 65535))
    drawn = st.tuples(TEXTS, st.lists(channel, min_size=1, max_size=3))
    return drawn.map(lambda one: InputGrid(one[0], *zip(*one[1], strict=True)))


def _curves() -> st.SearchStrategy[Any]:
    """As many values of each curve as there are temperatures."""
    return st.lists(st.tuples(*[st.floats(0, 1e3)] * 5), max_size=3).map(
        lambda points: SignalCurves(*zip(*points, strict=True)) if points else SignalCurves((), (), (), (), ())
    )


def _rules() -> st.SearchStrategy[Any]:
    codes = st.builds("{}{}".format, st.sampled_from(Family), st.integers(100, 103))
    return _by_fields(Rule, code=codes)


def _facts() -> st.SearchStrategy[Any]:
    """Each key of the metadata once; bits and their layers in the order of their number."""
    metadata = st.dictionaries(TEXTS, TEXTS, max_size=3).map(lambda entries: tuple(entries.items()))
    return _by_fields(ModelFacts, metadata=metadata)


def _cures() -> st.SearchStrategy[Any]:
    """Of one cause at least."""
    return _by_fields(Cure, kinds=st.lists(st.sampled_from(CureKind), min_size=1, max_size=2).map(tuple))


def _verdicts() -> st.SearchStrategy[Any]:
    return _by_fields(Verdict, declared_accuracy=st.none() | FRACTIONS)


def _explained_alike(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """One text for each code."""
    rules: dict[str, Rule] = {}
    return tuple(replace(finding, rule=rules.setdefault(finding.rule.code, finding.rule)) for finding in findings)


def _measurements() -> st.SearchStrategy[Any]:
    """Both ends of an interval or none."""
    return _by_fields(Measurement).map(
        lambda one: one if None not in (one.low, one.high) else replace(one, low=None, high=None)
    )


SPECIAL: dict[Any, Callable[[], st.SearchStrategy[Any]]] = {
    AttackSettings: _settings,
    AttackRow: _rows,
    Box: _boxes,
    Cure: _cures,
    Estimate: _estimates,
    InputGrid: _grids,
    Measurement: _measurements,
    ModelFacts: _facts,
    Rule: _rules,
    SessionAccuracies: _sessions,
    SignalCurves: _curves,
    Verdict: _verdicts,
}
