"""What a caller passes, as the settings that a command line would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, SupportsFloat, SupportsIndex, TypeAlias

import numpy as np
from torch import nn

from bnnaudit.config.card import Settings, parse_settings, settings_for
from bnnaudit.config.policies import policies_of
from bnnaudit.core.errors import UsageError
from bnnaudit.core.policy import Policy
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.models.checkpoint.module import GivenModule
from bnnaudit.rules.policy_names import validate_names

Tables: TypeAlias = Mapping[str, object]
"""Tables of a card: {"data": {"samples": 300}, "attack": {"steps": 50}}."""
ThreatLike: TypeAlias = Threat | str | float | tuple[Norm | str, str | float]
"""`Threat(Norm.LINF, 8 / 255)`, "linf:8/255", ("l2", 0.5), or an L-inf radius alone: "8/255"."""
Numbers: TypeAlias = SupportsFloat | Sequence[SupportsFloat]
"""One number for all channels, or one for each; an array or a tensor of them as well."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What holds for an audit once arguments, card and the project's files are taken together."""

    settings: Settings
    policy: Policy


class Arguments:
    """Tables of settings, filled key by key; what an argument does not say stays as it was."""

    def __init__(self, settings: Tables | None) -> None:
        self.tables: dict[str, Any] = {
            name: dict(table) if isinstance(table, Mapping) else table for name, table in (settings or {}).items()
        }

    def put(self, table: str, **values: object) -> None:
        """The values that are not None, in place of those of the settings."""
        said = {key: value for key, value in values.items() if value is not None}
        if said:
            held = self.tables.get(table)
            self.tables[table] = {**(held if isinstance(held, Mapping) else {}), **said}

    def put_threat(self, threat: ThreatLike | None) -> None:
        """Norm, radius and the bits of pixels."""
        if threat is None:
            return
        if not isinstance(threat, Threat):
            norm, eps = _norm_and_eps(threat)
            self.put("threat", norm=norm, eps=eps)
            return
        if threat.grid is not None or threat.l2_per_channel or threat.box != Box():
            raise UsageError(
                "threat: give norm, eps and image_bits only; the range is the model's own, which input_range= states"
            )
        self.put("threat", norm=threat.norm, eps=threat.eps, image_bits=threat.image_bits)

    def settled(self, model: Path | GivenModule) -> Settings:
        """Over the model's card and the project's files; raises SettingsError, which names every problem."""
        flags = parse_settings(self.tables, "arguments")
        return settings_for(model if isinstance(model, Path) else None, flags, Path.cwd())


def settle(model: Path | GivenModule, arguments: Arguments, policy: Policy | None) -> Settled:
    """The settings under one threat and the policy, `policy` itself where it is given.

    Raises SettingsError or UsageError for what cannot be, before anything is opened.
    """
    settings = arguments.settled(model)
    threats = policies_of(settings)
    if len(threats) > 1:
        raise UsageError(
            f"threat: the policy names {len(threats)} threats, and a report is about one; give threat= and audit under each"
        )
    ((threat, own),) = threats
    chosen = own if policy is None else policy
    validate_names(chosen)
    return Settled(settings.model_copy(update={"threat": threat}), chosen)


def model_of(model: object, name: str | None) -> Path | GivenModule:
    """A path, or a module with the name of its class where it is given none."""
    if isinstance(model, nn.Module):
        return GivenModule(model, name or type(model).__name__)
    if name is not None:
        raise UsageError("name: only a module in memory needs one; a file has its path")
    if isinstance(model, str | Path):
        return Path(model)
    raise UsageError(f"model: a {type(model).__name__} is neither a path nor a torch.nn.Module")


def whole(value: SupportsIndex | None) -> int | None:
    """A whole number of NumPy's or PyTorch's as Python's own; raises UsageError for another value."""
    if value is None:
        return None
    try:
        return value.__index__()
    except (AttributeError, TypeError):
        raise UsageError(f"{value!r} is not a whole number") from None


def numbers(values: Numbers | None) -> list[float] | None:
    """Numbers for channels, from whatever holds them."""
    if values is None:
        return None
    try:
        return [float(value) for value in np.asarray(values, dtype=np.float64).reshape(-1)]
    except (TypeError, ValueError):
        raise UsageError(f"{values!r} is not a number for each channel") from None


def _norm_and_eps(threat: object) -> tuple[object, object]:
    match threat:
        case str() if ":" in threat:
            norm, _, eps = threat.partition(":")
            return norm.strip(), eps.strip()
        case bool():
            pass
        case str() | int() | float():
            return Norm.LINF, threat
        case (norm, eps):
            return norm, eps
    raise UsageError(f"threat: {threat!r} is none of 'linf:8/255', ('l2', 0.5), '8/255' and a Threat")
