"""What `sweep` varies: one setting of one attack, at several values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, assert_never

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule
from bnnaudit.core.errors import UsageError
from bnnaudit.core.limits import LARGEST_NUMBER, MOST_RESTARTS, MOST_STEPS
from bnnaudit.core.threat import Norm, Threat, length_text, parse_length
from bnnaudit.core.trial import Trial


class Parameter(StrEnum):
    """The setting that varies ([Gupta & Ajanthan 2022], Figures 1 and 3, Tables 12 and 14)."""

    ITERATIONS = "iterations"
    RADIUS = "radius"
    STEP_SIZE = "step-size"
    RESTARTS = "restarts"
    BETA = "beta"
    RHO = "rho"

    @property
    def option(self) -> str | None:
        """The option of an attack that it is a value of; None for the radius, which every attack has."""
        return _OPTIONS.get(self)

    @property
    def counted(self) -> bool:
        """Whether its values are whole numbers."""
        return self in (Parameter.ITERATIONS, Parameter.RESTARTS)

    @property
    def length(self) -> bool:
        """Whether its values are lengths of the [0,1] image."""
        return self in (Parameter.RADIUS, Parameter.STEP_SIZE)


_OPTIONS = {
    Parameter.ITERATIONS: "steps",
    Parameter.STEP_SIZE: "step_size",
    Parameter.RESTARTS: "restarts",
    Parameter.BETA: "beta",
    Parameter.RHO: "beta",
}

MOST_VALUES = 100
"""Not tuned."""
LARGEST: Mapping[Parameter, float] = {
    Parameter.ITERATIONS: MOST_STEPS,
    Parameter.RESTARTS: MOST_RESTARTS,
    Parameter.BETA: LARGEST_NUMBER,
}
"""The same limits as of an attack's options."""


def parse_values(parameter: Parameter, text: str) -> tuple[float, ...]:
    """`1,2,5,10`, `2/255,8px` or `0.01,0.1` in ascending order, each once; raises UsageError for what does not fit."""
    parts = text.split(",")
    if len(parts) > MOST_VALUES:
        raise UsageError(f"values: {len(parts):,} of them, more than {MOST_VALUES}; each is an attack of its own")
    values = {_parse_value(parameter, part.strip()) for part in parts}
    return tuple(sorted(values))


def _parse_value(parameter: Parameter, text: str) -> float:
    if parameter.length:
        value = parse_length(text, "values")
        if value == 0 and parameter is Parameter.STEP_SIZE:
            raise UsageError("values: the step must not be 0")
        return value
    try:
        value = int(text) if parameter.counted else float(text)
    except ValueError:
        value = 0
    if value > (largest := LARGEST.get(parameter, value)):
        raise UsageError(f"values: {text[:40]!r} is more than {largest:,}, the most that {parameter} may be")
    most = 1 if parameter is Parameter.RHO else float("inf")
    if not 0 < value < most:
        kind = (
            "a whole number above 0"
            if parameter.counted
            else "a number between 0 and 1"
            if most == 1
            else "a number above 0"
        )
        raise UsageError(f"values: {text[:40]!r} is not {kind}, as {parameter} needs it")
    return value


def usual_values(parameter: Parameter, threat: Threat) -> tuple[float, ...]:
    """The values where none are given."""
    match parameter:
        case Parameter.ITERATIONS:
            return (1, 2, 5, 10, 20, 50, 100)
        case Parameter.RADIUS:
            most = 1.0 if threat.norm is Norm.LINF else float("inf")
            return tuple(sorted({min(most, threat.eps * factor) for factor in (0, 0.25, 0.5, 1, 2, 4)}))
        case Parameter.STEP_SIZE:
            return tuple(threat.eps * factor for factor in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2))
        case Parameter.RESTARTS:
            return (1, 2, 5, 10, 20)
        case Parameter.BETA:
            return (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
        case Parameter.RHO:
            return (1e-4, 1e-3, 0.01, 0.05, 0.1, 0.2, 0.5)
        case _:
            assert_never(parameter)


def trial_at(parameter: Parameter, value: float, attack: AttackSettings, threat: Threat) -> Trial:
    """The attack with `parameter` at `value`; a step size that was not given follows the radius."""
    if parameter.option is None:
        return Trial(attack, replace(threat, eps=value))
    changed: dict[str, Any] = {parameter.option: _setting(parameter, value)}
    return Trial(replace(attack, **changed), threat)


def _setting(parameter: Parameter, value: float) -> object:
    """The value as the attack's settings have it."""
    match parameter:
        case Parameter.BETA:
            return Beta(BetaRule.FIXED, value)
        case Parameter.RHO:
            return Beta(BetaRule.NJS, rho=value)
        case _:
            return int(value) if parameter.counted else value


def value_label(parameter: Parameter, value: float) -> str:
    """A value as reports write it."""
    return length_text(value) if parameter.length else f"{value:g}"


def sweep_name(parameter: Parameter, attack: AttackSettings, trials: Sequence[Trial]) -> str:
    """`pgd`, `pgd++ with hns`: what stays the same."""
    name = trials[0].attack.name if trials else attack.name
    if parameter is Parameter.RHO:
        return f"{name} with {BetaRule.NJS}"
    return name if parameter is Parameter.BETA or not name.endswith("++") else f"{name} with {attack.beta}"
