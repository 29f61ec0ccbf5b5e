"""Tables of [Gupta & Ajanthan 2022] as plain values: what the paper measured, what is run for comparison, the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.attack import AttackSettings, Beta
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.facts import FLOAT_BITS, ModelFacts
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts
from bnnaudit.core.threat import Threat

SOURCE = "the paper's submission to ICLR 2021"
CIFAR10_LINF = "CIFAR-10, L-inf 8/255, step 2/255, 20 steps"


class TableName(StrEnum):
    """Tables and figures that can be reproduced, as the AAAI 2022 version numbers them."""

    TABLE5 = "table5"
    TABLE8 = "table8"
    TABLE10 = "table10"
    TABLE11 = "table11"
    TABLE13 = "table13"
    FIGURE2 = "figure2"


class NetworkKind(StrEnum):
    """What the paper calls networks, by what is quantized; the starred ones are trained adversarially."""

    REF = "REF"
    BNN_WQ = "BNN-WQ"
    BNN_WAQ = "BNN-WAQ"


def kind_of(facts: ModelFacts) -> NetworkKind | None:
    """What the model is in the paper's words; None where the file does not say, or only activations are quantized."""
    weights, activations = facts.weight_bits, facts.activation_bits
    if weights is None:
        return None
    if weights >= FLOAT_BITS:
        return NetworkKind.REF if activations in (None, FLOAT_BITS) else None
    return NetworkKind.BNN_WQ if activations is None or activations >= FLOAT_BITS else NetworkKind.BNN_WAQ


@dataclass(frozen=True, slots=True)
class PaperColumn:
    """One of the paper's networks; `title` distinguishes it from others of its kind."""

    kind: NetworkKind
    title: str


@dataclass(frozen=True, slots=True)
class AttackLine:
    """One attack, and the adversarial accuracies in percent that the paper gives for it, a figure for each column."""

    settings: AttackSettings
    paper: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class AttackTable:
    """Adversarial accuracies of several attacks. `measured_on`: data and threat of the paper's."""

    title: str
    measured_on: str
    columns: tuple[PaperColumn, ...]
    lines: tuple[AttackLine, ...]


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One temperature rule, and the paper's CLEVER scores under it (L1), a figure for each kind of network."""

    label: str
    beta: Beta
    paper: Mapping[NetworkKind, float]


@dataclass(frozen=True, slots=True)
class CleverTable:
    """CLEVER scores under several temperature rules; batches and draws as `CleverSettings` has them."""

    title: str
    measured_on: str
    lines: tuple[RuleLine, ...]
    batches: int
    draws: int


@dataclass(frozen=True, slots=True)
class QuantityLine:
    """One quantity of signal propagation, a field of `SignalRow`; the paper's figures as it is, with NJS, with HNS."""

    label: str
    quantity: str
    paper: Mapping[NetworkKind, tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class PropagationTable:
    """Signal propagation as it is and with both rules."""

    title: str
    measured_on: str
    lines: tuple[QuantityLine, ...]


@dataclass(frozen=True, slots=True)
class RadiusFigure:
    """Shares of images that attacks leave, at several radii; the paper draws curves and gives no figures."""

    title: str
    measured_on: str
    attacks: tuple[AttackSettings, ...]


Experiment = AttackTable | CleverTable | PropagationTable | RadiusFigure


@dataclass(frozen=True, slots=True)
class ReproducedRow:
    """One row of the results.

    settings: of the attack, None in tables of something else. cells: this run's, a share of the images with its interval
    or a plain number. paper: the paper's beside it. unable: why this run has nothing here. standing: of an attack and for
    each cell, whether it left each image.
    """

    label: str
    cells: tuple[Estimate | float, ...]
    paper: tuple[float | None, ...]
    seconds: float | None = None
    settings: AttackSettings | None = None
    unable: str = ""
    standing: tuple[tuple[bool, ...], ...] = ()


class Outcome(StrEnum):
    """What a run says of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNDECIDED = "cannot tell"


@dataclass(frozen=True, slots=True)
class ClaimFigure:
    """A figure of this run that a claim is judged by: a cell of one of the rows."""

    row: ReproducedRow
    column: str
    value: Estimate | float


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of the paper, and whether it holds on one model. p_value: the smallest of McNemar's exact tests behind it,
    uncorrected; None where none was made. why: what keeps it from being decided.
    """

    statement: str
    outcome: Outcome
    figures: tuple[ClaimFigure, ...] = ()
    p_value: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ReproducedModel:
    """All rows for one model. `columns`: of this run; `paper_columns`: the paper's networks of the model's kind."""

    model: ModelFacts
    data: DataFacts
    threat: Threat | None
    kind: NetworkKind | None
    clean_accuracy: Estimate
    columns: tuple[str, ...]
    paper_columns: tuple[str, ...]
    rows: tuple[ReproducedRow, ...]
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Reproduction:
    """One table, for every model that it was run on. `notes`: how this run differs from the paper's."""

    name: TableName
    experiment: Experiment
    models: tuple[ReproducedModel, ...]
    notes: tuple[str, ...]
    provenance: Provenance
