"""The tables and figures of [Gupta & Ajanthan 2022] made again, as plain values: our figure, the paper's, what it claims."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.facts import FLOAT_BITS, ModelFacts
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Environment

SCHEMA = "bnnaudit-reproduction/2"
JPEG_COPY = "JPEG copy"
"""Stands in brackets behind the name of data whose images went through JPEG once more than the original's."""


class TableName(StrEnum):
    """Tables and figures that can be made again, as the AAAI 2022 version numbers them."""

    TABLE1 = "table1"
    TABLE2 = "table2"
    TABLE3 = "table3"
    TABLE4 = "table4"
    TABLE5 = "table5"
    TABLE7 = "table7"
    TABLE8 = "table8"
    TABLE9 = "table9"
    TABLE10 = "table10"
    TABLE11 = "table11"
    TABLE12 = "table12"
    TABLE13 = "table13"
    TABLE14 = "table14"
    FIGURE1 = "figure1"
    FIGURE2 = "figure2"
    FIGURE3 = "figure3"
    FIGURE4 = "figure4"
    FIGURE5 = "figure5"

    @property
    def shown(self) -> str:
        """`Table 5`, `Figure 2`."""
        kind = "figure" if self.startswith("figure") else "table"
        return f"{kind.capitalize()} {self.removeprefix(kind)}"

    @property
    def is_figure(self) -> bool:
        """Whether its rows are points of curves."""
        return self.startswith("figure")


class NetworkKind(StrEnum):
    """What the paper calls networks by what is binary: nothing, the weights, or weights and activations."""

    REF = "REF"
    BNN_WQ = "BNN-WQ"
    BNN_WAQ = "BNN-WAQ"


def kind_of(facts: ModelFacts) -> NetworkKind | None:
    """What the model is in the paper's words; None where the file does not say, or where it is quantized to more than one bit."""
    weights, activations = facts.weight_bits, facts.activation_bits
    float_activations = activations is None or activations >= FLOAT_BITS
    if weights is not None and weights >= FLOAT_BITS:
        return NetworkKind.REF if float_activations else None
    if weights != 1:
        return None
    if float_activations:
        return NetworkKind.BNN_WQ
    return NetworkKind.BNN_WAQ if activations == 1 else None


class Unit(StrEnum):
    """What a table's figures are: `percent` of the images, `seconds` for each image, or a `number`."""

    PERCENT = "percent"
    NUMBER = "number"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Network:
    """What distinguishes a network in the paper; empty where it is not known, or not stated.

    kind: a `NetworkKind`, or other words. width: channels of the first layer, where they are not the architecture's own.
    """

    architecture: str = ""
    data: str = ""
    kind: str = ""
    binarizer: str = ""
    adversarial: bool = False
    width: int | None = None

    @property
    def is_binary(self) -> bool:
        """Whether the paper calls it a BNN."""
        return self.kind in (NetworkKind.BNN_WQ, NetworkKind.BNN_WAQ)

    def __str__(self) -> str:
        """`BNN-WQ* (md-tanh-s), ResNet-18 of width 16 on CIFAR-10`; the star for adversarial training."""
        kind = f"{self.kind}{'*' if self.adversarial else ''}"
        kind += f" ({self.binarizer})" if self.binarizer else ""
        what = self.architecture + (f" of width {self.width}" if self.width else "")
        place = " on ".join(part for part in (what, self.data) if part)
        return ", ".join(part for part in (kind, place) if part) or "unknown network"


@dataclass(frozen=True, slots=True)
class AttackFacts:
    """One attack in full. step_size, eps: in units of the [0,1] image. source: what its gradients are of, a `Source`."""

    method: str
    loss: str
    beta: str
    surrogate: str
    norm: str
    eps: float
    steps: int
    restarts: int
    step_size: float | None = None
    queries: int | None = None
    source: str = "white-box"


@dataclass(frozen=True, slots=True)
class ReproducedRow:
    """One figure of a table, or one point of a curve.

    key: what was measured; the paper's figures have the same keys. cell, number: this run's, as a share or a quantity with its
    interval, or without one. paper: the paper's figure as it prints it, empty where it has none. panel, series, x, at: of a
    point, the last as it is written. seconds: what it took. unable: why this run has nothing here.
    """

    key: str
    name: str
    cell: Estimate | None = None
    number: float | None = None
    paper: str = ""
    panel: int = 0
    series: str = ""
    x: float | None = None
    at: str = ""
    attack: AttackFacts | None = None
    seconds: float | None = None
    unable: str = ""

    @property
    def value(self) -> float | None:
        """This run's figure."""
        return self.number if self.cell is None else self.cell.value

    def difference(self, unit: Unit) -> float | None:
        """This run's figure minus the paper's, in percentage points or as it is; None where one of them is missing."""
        return None if self.value is None else self._minus_paper(self.value, unit)

    def difference_interval(self, unit: Unit) -> tuple[float, float] | None:
        """The difference's interval where the paper's figure is taken as it is; None where there is none."""
        if self.cell is None or not self.paper:
            return None
        low, high = (self._minus_paper(end, unit) for end in (self.cell.low, self.cell.high))
        return None if low is None or high is None else (low, high)

    def _minus_paper(self, value: float, unit: Unit) -> float | None:
        return (100 if unit is Unit.PERCENT else 1) * value - float(self.paper) if self.paper else None


class Outcome(StrEnum):
    """Whether a run bears out a claim of the paper."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNDECIDED = "inconclusive"


@dataclass(frozen=True, slots=True)
class ClaimFigure:
    """A figure of this run that a claim is judged by: that of a row."""

    name: str
    cell: Estimate | None = None
    number: float | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of the paper, and whether it holds on one model.

    p_value: of the exact test behind it (McNemar's of images, or a sign test of pairs), None where none was made. why: what
    keeps it from being decided.
    """

    statement: str
    outcome: Outcome
    figures: tuple[ClaimFigure, ...] = ()
    p_value: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A temperature that a rule chooses: its median over the images."""

    name: str
    x: float


@dataclass(frozen=True, slots=True)
class ReproducedModel:
    """All rows of a table for one model.

    threats: the settings of its attacks in words. against: the paper's network whose figures stand beside its own; unlike: how
    it differs from that. nearest: where there is none, the paper's network that comes nearest. marks: on curves against b.
    """

    path: str
    sha256: str
    network: Network
    source: str
    data_sha256: str
    samples: int
    clean: Estimate
    threats: str
    against: Network | None
    unlike: tuple[str, ...]
    nearest: Network | None
    rows: tuple[ReproducedRow, ...]
    claims: tuple[Claim, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class PaperFigure:
    """A figure of the paper as it prints it."""

    key: str
    name: str
    paper: str


@dataclass(frozen=True, slots=True)
class MissingNetwork:
    """A network of the paper's table without a counterpart among the models of this run, and its figures there."""

    network: Network
    figures: tuple[PaperFigure, ...]


@dataclass(frozen=True, slots=True)
class UnableModel:
    """A model that could not be run, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The axes of one panel of a figure."""

    title: str
    x_title: str
    y_title: str
    log_x: bool
    share: bool


@dataclass(frozen=True, slots=True)
class ReproducedTable:
    """One table or figure, for every model that it was run on. notes: how this run differs from the paper's."""

    name: TableName
    title: str
    measured_on: str
    unit: Unit
    panels: tuple[Panel, ...]
    models: tuple[ReproducedModel, ...]
    missing: tuple[MissingNetwork, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Tables and figures of one run. source: the version of the paper that is quoted. unable: models that could not be run.

    seconds: of the whole run.
    """

    provenance: Provenance
    source: str
    environment: Environment
    tables: tuple[ReproducedTable, ...]
    unable: tuple[UnableModel, ...]
    seconds: float
