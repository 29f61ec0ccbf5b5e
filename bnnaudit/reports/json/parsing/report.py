"""The report of an audit from its JSON."""

from __future__ import annotations

from bnnaudit.core.effort import Effort
from bnnaudit.core.finding import CatalogueCheck, Fault, Skip
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import (
    Advice,
    Cure,
    CureKind,
    DataFacts,
    Environment,
    Extent,
    PlaceRow,
    Remedy,
    Report,
    Serving,
    SignalCurves,
    SignalRow,
    SignalTable,
    SubstituteFacts,
    Sweep,
    SweepPoint,
    Verdict,
)
from bnnaudit.core.scores import OutputScores
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.suite import exit_code_of
from bnnaudit.reports.json.parsing.attack_row import (
    estimate,
    estimate_as,
    read_attack,
    read_sessions,
    read_threat,
)
from bnnaudit.reports.json.parsing.baseline import read_baseline
from bnnaudit.reports.json.parsing.findings import read_findings
from bnnaudit.reports.json.parsing.gate import read_gate, require_same
from bnnaudit.reports.json.parsing.images import read_examples, read_images
from bnnaudit.reports.json.parsing.model import read_model
from bnnaudit.reports.json.parsing.node import Node, fields_of


def read_provenance(node: Node) -> Provenance:
    """What made the document; the inverse of `head`."""
    return Provenance(node["tool"]["version"].text(), node["created"].text(), node["command"].text())


def read_report(node: Node) -> Report:
    """The inverse of `report_to_json`."""
    report = Report(
        provenance=read_provenance(node),
        model=read_model(node["model"]),
        data=node["data"].read(DataFacts),
        threat=read_threat(node["threat"]),
        environment=node["environment"].read(Environment),
        clean_accuracy=estimate_as("clean", node),
        attacks=tuple(read_attack(entry) for entry in node["attacks"].entries()),
        signal=None if node["signal"].value is None else _signal(node["signal"]),
        sweeps=tuple(_sweep(entry) for entry in node["sweeps"].entries()),
        cures=tuple(_cure(entry) for entry in node["cures"].entries()),
        remedy=None if node["remedy"].value is None else _remedy(node["remedy"]),
        findings=read_findings(node),
        skipped=node["skipped"].read(tuple[Skip, ...]),
        faults=node["faults"].read(tuple[Fault, ...]),
        checks=node["checks"].read(tuple[CatalogueCheck, ...]),
        verdict=None if node["verdict"].value is None else _verdict(node["verdict"]),
        effort=None if node["effort"].value is None else node["effort"].read(Effort),
        seed=None if node.added("seed").value is None else node["seed"].whole(0),
        comparisons=node["comparisons"].whole(0),
        output=None if node["output"].value is None else _output(node["output"]),
        extent=None if node["extent"].value is None else node["extent"].read(Extent),
        serving=None if node["serving"].value is None else _serving(node["serving"]),
        gate=None if node["gate"].value is None else read_gate(node["gate"]),
        advice=node["advice"].read(tuple[Advice, ...]),
        images=read_images(node["images"]),
        examples=read_examples(node["examples"]),
        substitute=None if node.added("substitute").value is None else node["substitute"].read(SubstituteFacts),
        baseline=None if node.added("baseline").value is None else read_baseline(node["baseline"]),
    )
    require_same(node["exit_code"], int(exit_code_of(report)), "the gate's outcome")
    if report.verdict is not None:
        require_same(node["verdict"]["passed"], report.passed, "the gate's outcome")
    return report


def _output(node: Node) -> OutputScores:
    keys = ("images", "tied_images", "distinct_scores", "scores_at_an_end", "scores")
    return OutputScores(*(node[key].whole(0) for key in keys))


def _serving(node: Node) -> Serving:
    clean = read_sessions(node["clean"])
    if clean is None:
        raise node["clean"].refused("an object")
    return Serving(node["serve_as"].read(ServeAs), clean)


def _signal(node: Node) -> SignalTable:
    places, curves = "places" in node.object(), "curves" in node.object()
    return SignalTable(
        original=_signal_row(node["original"]),
        njs=_signal_row(node["njs"]),
        hns=_signal_row(node["hns"]),
        places=node["places"].read(tuple[PlaceRow, ...]) if places else (),
        curves=_curves(node["curves"]) if curves else None,
    )


def _signal_row(node: Node) -> SignalRow:
    names = "jsv_mean jsv_std psi_norm gradient_norm sign_norm zero_gradient_fraction beta_median"
    return SignalRow(n=node["samples"].whole(0), **fields_of(SignalRow, node, *names.split()))


def _curves(node: Node) -> SignalCurves:
    curves = node.read(SignalCurves)
    for key, entry in node.items():
        if len(entry.entries()) != len(curves.betas):
            raise entry.refused(f"a list of {len(curves.betas)}, one for each of betas ({key})")
    return curves


def _sweep(node: Node) -> Sweep:
    points = node["points"].entries()
    lists = [node[key].entries() for key in ("labels", "intervals", "samples")]
    if {len(entries) for entries in lists} != {len(points)}:
        raise node.refused("a sweep with as many labels, intervals and samples as points")
    return Sweep(
        points=tuple(_point(*one) for one in zip(points, *lists, strict=True)),
        **fields_of(Sweep, node, "parameter", "attack"),
    )


def _point(point: Node, label: Node, interval: Node, samples: Node) -> SweepPoint:
    value, accuracy = point.pair()
    return SweepPoint(value.number(), label.text(), estimate(accuracy, interval, samples))


def _cure(node: Node) -> Cure:
    name = node["name"]
    kinds = tuple(Node(kind, name.place).read(CureKind) for kind in name.text().split(" + "))
    return Cure(kinds, node["setting"].text(), estimate(node["fraction"], node["ci95"], node["of"]))


def _remedy(node: Node) -> Remedy:
    return Remedy(_cure(node), node["causes"].read(tuple[str, ...]))


def _verdict(node: Node) -> Verdict:
    declared = node["declared_accuracy"]
    return Verdict(
        ordinary_accuracy=estimate_as("ordinary", node),
        verified_accuracy=estimate_as("verified", node),
        declared_accuracy=None if declared.value is None else declared.fraction(),
        **fields_of(Verdict, node, "status", "reason"),
    )
