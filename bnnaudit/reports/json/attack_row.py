"""One attack of a report as JSON."""

from bnnaudit.core.attack import AttackSettings, Auto, Climb, Search
from bnnaudit.core.auto_run import Part
from bnnaudit.core.report import AttackRow, SessionAccuracies
from bnnaudit.core.threat import Threat
from bnnaudit.reports.json.parts import JsonObject, exactly, interval, record

_THREAT = ("norm", "eps", "image_bits")


def threat_to_json(threat: Threat) -> JsonObject:
    """All that the attacker may do, the range of values in the network's own units."""
    box = [threat.box.low, threat.box.high]
    return {**record(threat, *_THREAT), "input_range": box, **record(threat, "grid", "l2_per_channel")}


def attack_to_json(row: AttackRow) -> JsonObject:
    """Settings as people write them, the result, and settings and threat in full."""
    settings = row.settings
    return {
        **record(settings, "method", "name"),
        **record(row, "role", "source"),
        **record(settings, "beta", "surrogate", "loss"),
        "targets": settings.targets if settings.loss.targeted and isinstance(settings, Climb) else None,
        "error_signal": str(settings.signal),
        "l2_per_channel": row.threat.l2_per_channel,
        "stop_at_success": settings.stop_at_success,
        **record(row.threat, *_THREAT),
        "input_steps": row.threat.whole_steps,
        "steps": None if isinstance(settings, Search) else settings.steps,
        "queries": settings.queries if isinstance(settings, Search) else None,
        "budget": str(settings.budget) if isinstance(settings, Auto) else None,
        **record(row, "step_size", "reaches_radius"),
        "restarts": settings.restarts,
        "adversarial_accuracy": row.accuracy.value,
        "ci95": interval(row.accuracy),
        "adversarial_accuracy_8bit": None if row.accuracy_8bit is None else row.accuracy_8bit.value,
        "ci95_8bit": interval(row.accuracy_8bit),
        "samples": row.accuracy.n,
        **record(row, "seconds", "forwards", "backwards", "replayed", "replay_disagreements"),
        "sessions": sessions_to_json(row.sessions),
        "phases": [_part(part) for part in row.parts] if isinstance(settings, Auto) else None,
        "settings": settings_to_json(settings),
        "threat": threat_to_json(row.threat),
    }


def settings_to_json(settings: AttackSettings) -> JsonObject:
    """The method and all its options, to the last digit."""
    options = exactly(settings)
    assert isinstance(options, dict)
    return {"method": str(settings.method), **options}


def sessions_to_json(sessions: SessionAccuracies | None) -> JsonObject | None:
    """What the same images leave in each session."""
    if sessions is None:
        return None
    return {
        "exact": sessions.exact.value,
        "exact_ci95": interval(sessions.exact),
        "default": sessions.default.value,
        "default_ci95": interval(sessions.default),
        "between": sessions.between,
        "samples": sessions.exact.n,
    }


def _part(part: Part) -> JsonObject:
    return {
        **record(part, "phase", "surrogate", "loss"),
        "fooled": len(part.fooled),
        "fooled_images": list(part.fooled),
        **record(part, "forwards", "backwards"),
        "surrogate_settings": exactly(part.surrogate),
    }
