"""Names that a policy may use for rules and checks, and which rules it counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bnnaudit.core.errors import UsageError, did_you_mean
from bnnaudit.core.evidence import Check
from bnnaudit.core.policy import Policy
from bnnaudit.rules.table import CHECKS, RULES

LEAST_DIGITS = 12
"""Digits of a SHA-256 that name a model: 48 bits, which any two of a million models share with a chance of 0.2 %."""
DIGEST = re.compile(r"(?:sha256:)?([0-9a-fA-F]{%d,64})" % LEAST_DIGITS)  # noqa: UP031 - braces
"""A SHA-256, or its beginning, as a waiver may write it."""


def check_named(name: str) -> Check | None:
    """The check of this name, or of the rule with this code."""
    return next((check for check in CHECKS if name in (check.name, check.rule.code)), None)


def is_counted(code: str, policy: Policy) -> bool:
    """Whether findings of a rule count: it is selected, or nothing is, and it is not ignored, which takes precedence."""
    chosen = not policy.select or code.startswith(policy.select)
    return chosen and not code.startswith(policy.ignore)


def validate_names(policy: Policy) -> None:
    """Raises UsageError, which lists all of them, for names of checks and rules that do not exist and digests that are none.

    Needs neither the model nor PyTorch, so that a policy is refused before anything is opened.
    """
    problems = [*_problems(policy)]
    if problems:
        raise UsageError(f"policy: {'; '.join(problems)}; `bnnaudit explain --all` lists the rules")


def _problems(policy: Policy) -> Iterator[str]:
    names = [*RULES, *(check.name for check in CHECKS)]
    for name in policy.require:
        if check_named(name) is None:
            yield f"require: no check or rule {name!r}{_nearest(name, names)}"
    for key, beginnings in (("select", policy.select), ("ignore", policy.ignore)):
        for beginning in beginnings:
            if not beginning or not any(code.startswith(beginning) for code in RULES):
                yield f"{key}: no rule code begins with {beginning!r}{_nearest(beginning, RULES)}"
    for waiver in policy.waivers:
        if waiver.rule not in RULES:
            yield f"waivers: no rule {waiver.rule!r}{_nearest(waiver.rule, RULES)}"
        if waiver.model.startswith("sha256:") and not DIGEST.fullmatch(waiver.model):
            yield f"waivers: {waiver.model!r} is no SHA-256; give all of its 64 hexadecimal digits, or the first {LEAST_DIGITS}"


def _nearest(word: str, names: Iterable[str]) -> str:
    return did_you_mean(word, names).replace("; did", ", did")
