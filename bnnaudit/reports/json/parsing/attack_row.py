"""One attack of a report from its JSON."""

import math

from bnnaudit.core.attack import SETTINGS, AttackSettings, Method
from bnnaudit.core.auto_run import Part
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.report import AttackRow, SessionAccuracies
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.threat import Threat
from bnnaudit.reports.json.parsing.model import read_box, read_grid
from bnnaudit.reports.json.parsing.node import Node, fields_of


def read_threat(node: Node) -> Threat:
    """The inverse of `threat_to_json`; raises ReportError for a radius that no arithmetic can hold."""
    threat = Threat(
        eps=node["eps"].finite(),
        box=read_box(node["input_range"]),
        grid=read_grid(node["grid"]),
        **fields_of(Threat, node, "norm", "image_bits", "l2_per_channel"),
    )
    try:
        possible = 0 <= threat.radius < math.inf
    except (OverflowError, ZeroDivisionError):
        possible = False
    if not possible:
        raise node["eps"].refused("a radius of at least 0")
    return threat


def read_attack(node: Node) -> AttackRow:
    """The inverse of `attack_to_json`."""
    phases, samples, rounded = node["phases"], node["samples"], node["adversarial_accuracy_8bit"]
    of_their_names = "role source step_size seconds forwards backwards replayed replay_disagreements"
    return AttackRow(
        settings=read_settings(node["settings"]),
        threat=read_threat(node["threat"]),
        accuracy=estimate(node["adversarial_accuracy"], node["ci95"], samples),
        accuracy_8bit=None if rounded.value is None else estimate(rounded, node["ci95_8bit"], samples),
        parts=() if phases.value is None else tuple(_part(entry) for entry in phases.entries()),
        sessions=read_sessions(node["sessions"]),
        **fields_of(AttackRow, node, *of_their_names.split()),
    )


def read_settings(node: Node) -> AttackSettings:
    """The inverse of `settings_to_json`."""
    kind = SETTINGS[node["method"].read(Method)]
    return kind(**fields_of(kind, node))


def read_sessions(node: Node) -> SessionAccuracies | None:
    """The inverse of `sessions_to_json`."""
    if node.value is None:
        return None
    return SessionAccuracies(
        estimate(node["exact"], node["exact_ci95"], node["samples"]),
        estimate(node["default"], node["default_ci95"], node["samples"]),
        node["between"].whole(0),
    )


def _part(node: Node) -> Part:
    return Part(
        surrogate=node["surrogate_settings"].read(Surrogate) if node["surrogate_settings"].value else None,
        fooled=node["fooled_images"].read(tuple[int, ...]),
        **fields_of(Part, node, "phase", "loss", "forwards", "backwards"),
    )


def estimate(value: Node, interval: Node, samples: Node) -> Estimate:
    """A fraction whose value, interval and sample size stand under keys of their own."""
    low, high = interval.pair()
    return Estimate(value.fraction(), low.fraction(), high.fraction(), samples.whole(0))


def estimate_as(name: str, node: Node) -> Estimate | None:
    """The inverse of `figure_as`."""
    value = node[f"{name}_accuracy"]
    if value.value is None:
        return None
    return estimate(value, node[f"{name}_ci95"], node[f"{name}_samples"])
