"""Evidence made by hand: what each attack left, and everything else healthy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bnnaudit.auditing.plan import planned_trials
from bnnaudit.core.attack import Pgd
from bnnaudit.core.evidence import Agreement, Evidence
from bnnaudit.core.facts import Layout, ModelFacts, ModelFormat, QuantizerFact
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.probing import BinarizationTest, ClimbProbe, GradientProbe, NoiseProbe, Probes
from bnnaudit.core.report import SignalRow, SignalTable
from bnnaudit.core.sample_fit import Alternative, FeedingFit, LabelFit, PictureFit, SampleFit
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.core.trial import Trial, TrialResult

IMAGES = 300
HEALTHY_FIT = SampleFit(
    PictureFit(IMAGES, 0, 0.8, 1.0, 40),
    LabelFit(
        IMAGES,
        10,
        240,
        30.0,
        40.0,
        270,
        (Alternative("the labels start at 1", "subtract 1", 9, 2, 233),),
        60,
        0.15,
        0.8,
    ),
    FeedingFit(100, 80, (Alternative("values from 0 to 255", "give --input-range 0,255", 85, 9, 4),)),
)
HEALTHY_PROBES = Probes(
    gradient=GradientProbe(100, logit_gap=6.0),
    noise=NoiseProbe(100, 10, 4 / 255, 1, 0.1, 0.9),
    climb=ClimbProbe(100, 20, 40, 0, 4, 1),
    binarization=BinarizationTest(25, 100, 256, 0, {"pgd": 25, "pgd++": 25, "random search": 3}),
    fit=HEALTHY_FIT,
)


def plan(**changes: object) -> AuditPlan:
    base = AuditPlan(threat=Threat(Norm.LINF, 8 / 255), ordinary=Pgd(), features=2700, quantized=True)
    return replace(base, **changes)


def left(share: float, images: int = IMAGES) -> NDArray[np.bool_]:
    """The first `share` of the images stand."""
    return np.arange(images) < round(share * images)


def result(trial: Trial, standing: NDArray[np.bool_], replayed: int = 100, disagreements: int = 0) -> TrialResult:
    clean = np.ones(len(standing), dtype=bool)
    fooled_at = np.where(standing, -1, 1)
    return TrialResult(trial, clean, fooled_at, 1.0, 10, 10, replayed, disagreements)


def signal(dead: float = 0.0, jsv: float = 1.0, n: int = 100) -> SignalTable:
    row = SignalRow(jsv, 0.5, 0.5, 1.0, 50.0, dead, 1.0, n)
    return SignalTable(row, row, row)


def evidence(
    shares: Mapping[Trial, float] | None = None,
    otherwise: float = 0.3,
    verified: float | None = 0.3,
    the_plan: AuditPlan | None = None,
    **changes: object,
) -> Evidence:
    """Every attack leaves `otherwise` of the images, the ones in `shares` their own share."""
    chosen = the_plan or plan()
    shares = shares or {}
    trials = planned_trials(chosen)
    quantizers = (QuantizerFact("a", "sign", 1), QuantizerFact("b", "sign", 1)) if chosen.quantized else ()
    base = Evidence(
        plan=chosen,
        facts=ModelFacts("m", "0" * 64, ModelFormat.ONNX, 10, (3, 30, 30), Layout.NCHW, Box(), quantizers=quantizers),
        clean=left(1.0),
        agreement=Agreement(IMAGES, 0, 1e-7, 0, 0),
        results={trial: result(trial, left(shares.get(trial, otherwise))) for trial in trials},
        signal=signal(),
        verified=None if verified is None else left(verified),
        probes=HEALTHY_PROBES,
    )
    return replace(base, **changes)
