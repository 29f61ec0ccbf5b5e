"""From `--method` and its options to the settings of an attack; what the settings of a method lack is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bnnaudit.core.attack import (
    AttackSettings,
    Beta,
    BetaRule,
    Curvature,
    ErrorSignal,
    Method,
    options_of,
    settings_of,
)
from bnnaudit.core.errors import UsageError
from bnnaudit.core.surrogate import NARROWING, Surrogate

TRANSFER = "transfer"
"""PGD on a substitute network, replayed on the model: not a method of its own, but another source of its gradients."""
METHODS = [name for method in Method for name in ((str(method), f"{method}++") if method.climbs else (str(method),))]
METHODS.append(TRANSFER)
PART_OF = {"curvature": "beta", "l2_per_channel": "surrogate"}
"""Options that are not settings by themselves, and the setting without which they mean nothing: the curvature is that of a
temperature rule, and only attacks that follow a gradient keep each channel in a ball of its own."""
OPTIONS = tuple(dict.fromkeys([*PART_OF, *(name for method in Method for name in options_of(method))]))
"""Every option of some attack, under the name of its setting."""
ABSENT = (None, False, ErrorSignal.AUTO)
"""Values of an option that is not on the command line."""


def method_of(name: str) -> Method:
    """The method behind `pgd`, `pgd++` or `transfer`."""
    return Method.PGD if name == TRANSFER else Method(name.removesuffix("++"))


def refuse_unused(name: str, values: Mapping[str, Any]) -> None:
    """Raises UsageError for an option on the command line that the method has no use for."""
    if name != TRANSFER and values.get("substitute") is not None:
        raise UsageError(f"substitute: only --method {TRANSFER} attacks a substitute, {name} attacks the model itself")
    own = options_of(method_of(name))
    unused = [
        option for option in OPTIONS if values.get(option) not in ABSENT and PART_OF.get(option, option) not in own
    ]
    if unused:
        usable = [option for option in OPTIONS if option in own and option in values]
        raise UsageError(f"method: {name} has no use for {_flags(unused)}; its options are {_flags(usable)}")


def _flags(options: list[str]) -> str:
    """Options as they are typed."""
    return ", ".join("--" + option.replace("_", "-") for option in options)


def attack_settings(
    name: str, beta: Beta | None, surrogate: Surrogate | None, curvature: Curvature | None = None, **rest: Any
) -> AttackSettings:
    """The settings behind `--method pgd++ --beta hns` and the like; raises UsageError where the two contradict.

    What a card says for attacks in general is left out where the method has no such option.
    """
    method = method_of(name)
    beta = temperature(name, beta, curvature) if method.climbs else None
    if name == TRANSFER:
        # As in an audit: the images shall be confidently wrong on the substitute, whose softmax must not get in the way.
        rest["stop_at_success"] = False
        if rest["error_signal"] is ErrorSignal.AUTO:
            rest["error_signal"] = ErrorSignal.EXACT
    elif surrogate is None and method is Method.PGD and beta is not None and beta.rule is not BetaRule.NONE:
        # One large step crosses thresholds far from where the network is; many small ones meet them one by one.
        surrogate = NARROWING
    return settings_of(method, beta=beta, surrogate=surrogate or Surrogate(), **rest)


def temperature(name: str, beta: Beta | None, curvature: Curvature | None) -> Beta:
    """The rule of `--method NAME[++] --beta RULE --curvature KIND`; raises UsageError where these contradict."""
    method, plus, _ = name.partition("++")
    if beta is None:
        beta = Beta(BetaRule.TRACKED if curvature is None else BetaRule.HNS) if plus else Beta()
    elif plus and beta.rule is BetaRule.NONE:
        raise UsageError(f"beta: {name} needs a temperature; use --method {method}, or another --beta")
    if curvature is None:
        return beta
    if beta.rule is not BetaRule.HNS:
        raise UsageError(f"curvature: only hns uses it, not {beta}; leave out --curvature")
    return replace(beta, curvature=curvature)
