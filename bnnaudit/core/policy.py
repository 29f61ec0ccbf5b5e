"""What a release is asked for: thresholds, rules that count, checks that must have run, and findings that are accepted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class FailOn(StrEnum):
    """The least severity of a finding that fails a check."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    NEVER = "never"


class Decide(StrEnum):
    """What a figure is compared by: the whole of its 95 % interval, or the estimate alone."""

    INTERVAL = "interval"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds for one threat, as fractions; None where nothing is asked.

    min_clean, min_verified: least clean and verified accuracy. max_gap: most that the claimed accuracy may exceed the verified
    one by. max_drop: most that clean and verified accuracy may lie below those of an earlier report, where there is one.
    """

    min_clean: float | None = None
    min_verified: float | None = None
    max_gap: float | None = None
    max_drop: float | None = None


@dataclass(frozen=True, slots=True)
class Waiver:
    """A finding that the project accepts, until a day.

    rule: a code. model: the SHA-256 of the only model that it holds for, or a glob of its path; `*` for all. expires: the last
    day on which it holds.
    """

    rule: str
    reason: str
    owner: str
    expires: date
    model: str = "*"


class WaiverProblem(StrEnum):
    """Why a waiver that names this model accepted nothing."""

    EXPIRED = "expired"
    UNUSED = "unused"


@dataclass(frozen=True, slots=True)
class IdleWaiver:
    """A waiver that accepted nothing, and why."""

    waiver: Waiver
    problem: WaiverProblem


@dataclass(frozen=True, slots=True)
class Policy:
    """What the gate asks of one model under one threat.

    fail_on: the least severity of a finding that fails. select: codes, or beginnings of codes, of the rules that count, empty
    for all; ignore: of those that do not. require: names of checks, or codes of their rules, without whose outcome nothing
    passes. decide: how a figure is compared with its threshold.
    """

    limits: Limits = Limits()
    fail_on: FailOn = FailOn.ERROR
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    decide: Decide = Decide.INTERVAL
    waivers: tuple[Waiver, ...] = ()
