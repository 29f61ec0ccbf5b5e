"""The threats that settings ask to audit under, each with its policy."""

from __future__ import annotations

from bnnaudit.config.settings import Settings, ThreatTable
from bnnaudit.core.policy import Policy


def policies_of(settings: Settings) -> tuple[tuple[ThreatTable, Policy], ...]:
    """Each threat with what the gate asks under it: those of [[policy.threats]], else the one of [threat]."""
    policy, threat = settings.policy, settings.threat
    if not policy.threats:
        return ((threat, policy.policy(policy.limits())),)
    return tuple(
        (
            ThreatTable(norm=one.norm, eps=one.eps, image_bits=one.image_bits or threat.image_bits),
            policy.policy(policy.limits(one)),
        )
        for one in policy.threats
    )
