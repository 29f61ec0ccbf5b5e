"""From `--method` and its options to the settings of an attack, and what a method has no use for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Budget, Curvature, ErrorSignal, Method
from bnnaudit.core.errors import UsageError
from bnnaudit.core.surrogate import NARROWING, Surrogate

TRANSFER = "transfer"
"""PGD on a substitute network, replayed on the model: no method of the loop, but another source of its gradients."""
METHODS = [name for method in Method for name in ((str(method), f"{method}++") if method.climbs else (str(method),))]
METHODS.append(TRANSFER)
OF_ONE_CLIMB = ("surrogate", "loss", "targets", "steps", "step_size", "error_signal", "curvature", "l2_per_channel")
UNUSED_IN_SEARCH = ("beta", *OF_ONE_CLIMB, "budget")
"""Options without a meaning for an attack that follows no gradient."""
UNUSED_IN_AUTO = (*OF_ONE_CLIMB, "restarts")
"""Options that `auto` decides for itself."""


def refuse_unused(method: str, values: dict[str, Any]) -> None:
    """Raises UsageError for an option on the command line that the method has no use for."""
    if method != TRANSFER and values.get("substitute") is not None:
        raise UsageError(
            f"substitute: only --method {TRANSFER} attacks a substitute, {method} attacks the model itself"
        )
    refuse_foreign(method, values)
    if method not in tuple(Method):
        return
    if Method(method).searches and (names := given(UNUSED_IN_SEARCH, values)):
        raise UsageError(f"method: {method} follows no gradient and has no use for {names}; its length is --queries")
    if method == Method.AUTO and (names := given(UNUSED_IN_AUTO, values)):
        raise UsageError(f"method: auto chooses for itself and has no use for {names}; its length is --budget")


def given(names: Sequence[str], values: dict[str, Any]) -> str:
    """Those of the options that the command line has, as one writes them; empty where it has none."""
    absent = (None, False, ErrorSignal.AUTO)
    return ", ".join("--" + name.replace("_", "-") for name in names if values.get(name) not in absent)


def refuse_foreign(method: str, values: dict[str, Any]) -> None:
    """Raises UsageError for an option that belongs to other methods alone."""
    kind = Method.PGD if method == TRANSFER else Method(method.removesuffix("++"))
    owned = {
        "budget": kind is Method.AUTO or kind.searches,
        "queries": kind.searches,
        "beta": kind.climbs or kind.searches,
    }
    for option, has_use in owned.items():
        if not has_use and values.get(option) is not None:
            raise UsageError(f"method: {method} has no use for --{option}; leave it out, or choose another method")


def attack_settings(
    method: str, beta: Beta | None, surrogate: Surrogate | None, curvature: Curvature | None = None, **rest: Any
) -> AttackSettings:
    """The settings behind `--method pgd++ --beta hns` and the like; raises UsageError where the two contradict."""
    name = method.removesuffix("++")
    if name == Method.AUTO:
        # It decides the rest for itself, whatever a card says for other attacks.
        return AttackSettings(method=Method.AUTO, budget=rest.get("budget", Budget()))
    if name == TRANSFER:
        name = Method.PGD
        # As in an audit: the images shall be confidently wrong on the substitute, whose softmax must not get in the way.
        rest["stop_at_success"] = False
        if rest["error_signal"] is ErrorSignal.AUTO:
            rest["error_signal"] = ErrorSignal.EXACT
        surrogate = surrogate or Surrogate()
    elif Method(name).searches:
        # What a card says for attacks that follow a gradient does not concern one that follows none.
        beta, surrogate = Beta(), Surrogate()
    beta = temperature(method, beta, curvature)
    if surrogate is None:
        # One large step crosses thresholds far from where the network is; many small ones meet them one by one.
        follows = name == Method.PGD and beta.rule is not BetaRule.NONE
        surrogate = NARROWING if follows else Surrogate()
    if name == Method.FGSM:
        rest["steps"] = 1
    return AttackSettings(method=Method(name), beta=beta, surrogate=surrogate, **rest)


def temperature(method: str, beta: Beta | None, curvature: Curvature | None) -> Beta:
    """The rule of `--method NAME[++] --beta RULE --curvature KIND`; raises UsageError where these contradict."""
    name, plus, _ = method.partition("++")
    if beta is None:
        beta = Beta(BetaRule.TRACKED if curvature is None else BetaRule.HNS) if plus else Beta()
    elif plus and beta.rule is BetaRule.NONE:
        raise UsageError(f"beta: {method} needs a temperature; use --method {name}, or another --beta")
    if curvature is None:
        return beta
    if beta.rule is not BetaRule.HNS:
        raise UsageError(f"curvature: only hns looks at the Hessian in this way, not {beta}; leave --curvature out")
    return replace(beta, curvature=curvature)
