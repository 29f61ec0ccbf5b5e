"""How flags, a card and the project's files become one: key by key the nearest that says something, but for the gate.

From far to near: pyproject.toml, bnnaudit.toml, the card, the flags. A card comes with its model, perhaps from a stranger, and
shall not open the gate that the model has to pass. So unless the project's policy (or a caller from Python) says
`trust_cards = true`:

* keys that can only loosen a policy (`select`, `ignore`, `waivers`, `fail_on = "never"`, `decide = "estimate"`) are errors in a
  card, whether the project has a policy or not; `trust_cards` itself and `baseline` always are;
* of a threshold that both state, and of `fail_on`, the stricter holds, and required checks add up;
* where the project's files or the flags state any policy, what they say of the threat, the images, the attacks and the
  deployment comes before the card's (`OF_THE_GATE`), key by key: images far from any boundary, or a single step, would open the
  gate as well as a small radius. What the project leaves out is left to the card.

The threats are those of the nearest layer that names any, by [[policy.threats]] or by `norm` or `eps` of [threat]; in the latter
case an entry of a farther layer for that very threat still gives its thresholds. Thresholds among the flags hold for every
threat. Waivers and required checks of all layers add up; of other lists the nearest layer's holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from bnnaudit.config.policy import LIMITS, LimitsTable, PolicyTable, PolicyThreatTable
from bnnaudit.config.settings import Settings, ThreatTable
from bnnaudit.core.policy import Decide, FailOn

STRICTER: dict[str, Callable[..., Any]] = {"min_clean": max, "min_verified": max, "max_gap": min, "max_drop": min}
"""Of two thresholds, the one that fewer models meet."""

OF_THE_GATE = ("threat", "data", "attack", "audit", "substitute", "deployment")
"""The tables that say what a model is held to. The others describe the model: its input, its network, what its maker states."""


def merged(project: Sequence[Settings], card: Settings, flags: Settings) -> dict[str, object]:
    """The values of the settings taken together, by table; `project` from far to near."""
    trusted = _trusts([*project, flags])
    gated = any(layer.policy.chosen() for layer in (*project, flags)) and not trusted
    values = _key_by_key([*project, card, flags])
    policy = _over([layer.policy for layer in project])
    if not trusted:
        project, card = [_tighter(layer, card.policy) for layer in project], _tighter(card, policy)
    layers = [card, *project, flags] if gated else [*project, card, flags]
    held_to = _key_by_key(layers)
    values |= {table: held_to[table] for table in OF_THE_GATE}
    policy = _over([policy, card.policy]) if trusted else _tightened(policy, card.policy)
    by_flags = dict.fromkeys(flags.policy.chosen(*LIMITS))
    values["policy"] = _over([policy, flags.policy]).model_copy(
        update={"threats": tuple(entry.model_copy(update=by_flags) for entry in _threats(layers)) or None}
    )
    return values


def refused_in_card(card: Settings, others: Sequence[Settings]) -> list[str]:
    """What a card says that only the project's files and the flags, `others`, may say, in words."""
    policy = card.policy
    loose = {
        "select": bool(policy.select),
        "ignore": bool(policy.ignore),
        "waivers": bool(policy.waivers),
        "fail_on": policy.fail_on is FailOn.NEVER,
        "decide": policy.decide is Decide.ESTIMATE,
    }
    refused = [
        f"policy.{key}: only the project's bnnaudit.toml may say this"
        for key in ("trust_cards", "baseline")
        if getattr(policy, key) is not None
    ]
    if _trusts(others):
        return refused
    return refused + [
        f"policy.{key}: a card comes with its model and may not loosen the gate, move it to bnnaudit.toml or write "
        "trust_cards = true into the [policy] there"
        for key, said in loose.items()
        if said
    ]


def _trusts(layers: Sequence[Settings]) -> bool:
    """Whether those who run the audit, and not a card, say that cards may loosen the gate."""
    return bool(_over([layer.policy for layer in layers]).trust_cards)


def _key_by_key(layers: Iterable[Settings]) -> dict[str, Any]:
    """Of each key of each table the last layer that says something."""
    values: dict[str, Any] = {}
    for layer in layers:
        for name in Settings.model_fields:
            said = getattr(layer, name)
            if isinstance(said, BaseModel):
                table = values.setdefault(name, {})
                fields = {key: getattr(said, key) for key in type(said).model_fields}
                table.update({key: value for key, value in fields.items() if value is not None})
            elif said is not None:
                values[name] = said
    return values


def _over(policies: Sequence[PolicyTable]) -> PolicyTable:
    """From far to near; what adds up, added up."""
    together = PolicyTable()
    for policy in policies:
        together = together.model_copy(update={**policy.chosen(), **_added_up(together, policy)})
    return together


def _added_up(*policies: PolicyTable) -> dict[str, object]:
    """Waivers and required checks of all of them, each once."""
    sums: dict[str, object] = {}
    for key in ("waivers", "require"):
        entries = [entry for policy in policies for entry in getattr(policy, key) or ()]
        sums[key] = tuple(entry for i, entry in enumerate(entries) if entry not in entries[:i]) or None
    return sums


def _tightened(policy: PolicyTable, card: PolicyTable) -> PolicyTable:
    """The project's policy with what a card adds to it."""
    levels = list(FailOn)
    fail_on = [level for level in (policy.fail_on, card.fail_on) if level is not None]
    if policy.fail_on is None and fail_on:
        fail_on.append(FailOn.ERROR)
    strictest = max((level for level in fail_on if level is not FailOn.NEVER), key=levels.index, default=policy.fail_on)
    return policy.model_copy(
        update={
            **_stricter(policy, card),
            **_added_up(policy, card),
            "fail_on": strictest,
        }
    )


def _stricter(one: LimitsTable, other: LimitsTable) -> dict[str, object]:
    """Each threshold that either states."""
    found: dict[str, object] = {}
    for key in LIMITS:
        said = [value for table in (one, other) if (value := getattr(table, key)) is not None]
        if said:
            found[key] = STRICTER[key](said)
    return found


def _tighter(layer: Settings, other: PolicyTable) -> Settings:
    """The layer with thresholds of its threats that are no looser than what the other side's policy asks under all of them."""
    entries = layer.policy.threats
    if entries is None:
        return layer
    threats = tuple(
        entry.model_copy(update={key: _stricter(entry, other)[key] for key in entry.chosen(*LIMITS)})
        for entry in entries
    )
    return layer.model_copy(update={"policy": layer.policy.model_copy(update={"threats": threats})})


def _threats(layers: Iterable[Settings]) -> list[PolicyThreatTable]:
    """Those of the nearest layer that names any; empty where that names one by its [threat] alone."""
    threats: list[PolicyThreatTable] = []
    for layer in layers:
        if layer.policy.threats is not None:
            threats = list(layer.policy.threats)
        else:
            threats = [entry for entry in threats if _is_named(entry, layer.threat)]
    return threats


def _is_named(entry: PolicyThreatTable, threat: ThreatTable) -> bool:
    """Whether what a [threat] says fits the entry."""
    return threat.norm in (None, entry.norm) and threat.eps in (None, entry.eps)
