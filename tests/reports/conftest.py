"""Whole reports, as an audit would make them.

Fake robustness, an honest model, a claim that is not met, one attack, an undecided audit, a straddled threshold, a baseline,
names of a stranger; a suite of several, and an audit that gave no report.
"""

from dataclasses import replace
from datetime import date

import pytest

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Fgsm, LossKind, Method, Pgd
from bnnaudit.core.comparison import Accuracy, Baseline, Comparison, Drop, GoneFinding, SharedImages, StoredReport
from bnnaudit.core.effort import Effort
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.facts import LayerBits, Layout, ModelFacts, ModelFormat, OperatorCount, QuantizerFact
from bnnaudit.core.finding import (
    BaselineState,
    CatalogueCheck,
    Confidence,
    Fault,
    Finding,
    Measurement,
    Rule,
    Severity,
    Skip,
)
from bnnaudit.core.gate import Bound, Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.history import History
from bnnaudit.core.image_rows import Example, ImageRow
from bnnaudit.core.policy import Decide, FailOn, IdleWaiver, Limits, Policy, Waiver, WaiverProblem
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import (
    Advice,
    AttackRow,
    Cure,
    CureKind,
    DataFacts,
    Environment,
    Extent,
    PlaceGradient,
    PlaceRow,
    Remedy,
    Report,
    SignalCurves,
    SignalRow,
    SignalTable,
    Status,
    SubstituteFacts,
    Sweep,
    SweepPoint,
    Verdict,
)
from bnnaudit.core.reproduction import Reproduction, TableName
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.core.trial import Source
from bnnaudit.releases.comparability import release_of
from tests.reports import hostile as strange
from tests.reports import releases, reproductions
from tests.reports.pngs import png

THREAT = Threat(Norm.LINF, 0.3)
ADAPTIVE = Surrogate.usual(SurrogateKind.TRIANGULAR, 0.35)
HNS = Beta(BetaRule.HNS)
WAIVER = Waiver("GM103", "accepted for the pilot, see the risk register", "ml-release", date(2030, 1, 31))
CHECKS = (
    CatalogueCheck("radius", "GM103", "transfer-beats-white-box"),
    CatalogueCheck("restarts", "GM105", "restarts-help-too-much"),
    CatalogueCheck("random-search", "GM106", "random-search-beats-gradient"),
    CatalogueCheck("noise", "GM112", "unstable-under-noise"),
    CatalogueCheck("error-signal", "SP202", "saturated-error-signal"),
    CatalogueCheck("temperature", "FR301", "fake-robustness"),
    CatalogueCheck("determinism", "MF405", "low-clean-accuracy"),
)
"""Four with a finding, one that broke, one that was skipped, and one that found nothing."""
CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _rule(code: str, name: str, severity: Severity) -> Rule:
    return Rule(
        code,
        name,
        severity,
        summary=f"The {name} rule in one sentence.",
        meaning="Ordinary PGD leaves much, a better attack leaves little.\n\nThe second paragraph has `code` in it.",
        measured="McNemar's exact test on the same images:\n- claimed, by PGD-20\n- verified, by everything that ran",
        threshold="p < 0.01 and a difference of at least 5 points.",
        source="[Gupta & Ajanthan 2022] section 5; [Athalye et al. 2018] section 3.1.",
        remedy="Train with adversarial examples, and report the verified figure.",
        false_alarms="None are known where each success was replayed.",
    )


@pytest.fixture
def rule() -> Rule:
    return _rule("FR301", "fake-robustness", Severity.ERROR)


@pytest.fixture
def facts() -> ModelFacts:
    return ModelFacts(
        path="sample_models/digits_bnn_waq.onnx",
        sha256="3f" * 32,
        format=ModelFormat.ONNX,
        num_classes=10,
        input_shape=(1, 8, 8),
        layout=Layout.NCHW,
        box=Box(0.0, 1.0),
        weight_layers=(LayerBits(1, 4),),
        quantizers=tuple(QuantizerFact(f"features.{index}.sign", "sign", 1) for index in range(3)),
        operators=(OperatorCount("Conv", 3), OperatorCount("Sign", 3), OperatorCount("Gemm", 1)),
        parameters=23_754,
        runtime="ONNX Runtime 1.30.0, CPU",
        metadata=(("producer", "pytorch 2.15"), ("opset", "20")),
    )


def _row(
    settings: AttackSettings, standing: tuple[float, float, float], seconds: float, *, source: Source = Source.WHITE_BOX
) -> AttackRow:
    return AttackRow(
        settings=settings,
        threat=THREAT,
        step_size=0.3 if settings.method is Method.FGSM else 0.03,
        source=source,
        accuracy=Estimate(*standing, n=300),
        seconds=seconds,
        forwards=6300,
        backwards=6000,
        replayed=140,
        replay_disagreements=0,
    )


def _audited(outcome: Outcome = Outcome.PASSED, reason: str = "there is one") -> Criterion:
    return Criterion(CriterionKind.AUDIT, "a verdict about the model", outcome, reason)


def _found(outcome: Outcome, reason: str) -> Criterion:
    return Criterion(CriterionKind.FINDINGS, "no finding of level error", outcome, reason)


def _demanding(claimed: Estimate, verified: Estimate, clean: Estimate) -> Gate:
    """A policy with every kind of threshold, of which all but one fail, and waivers that accepted nothing."""
    expired = replace(WAIVER, rule="SP202", reason="until the driver is replaced", expires=date(2024, 1, 31))
    unused = replace(WAIVER, rule="MF404", reason="known", model="sample_models/*.onnx")
    return Gate(
        Policy(
            Limits(0.9, 0.3, 0.05),
            FailOn.WARNING,
            ("FR", "GM", "SP", "MF405"),
            ("GM109",),
            ("random-search", "SP202"),
            waivers=(WAIVER, expired, unused),
        ),
        (
            _audited(),
            _found(Outcome.FAILED, "FR301 and SP202; GM103 is waived"),
            Criterion(
                CriterionKind.CLEAN,
                "clean accuracy of at least 90 %",
                Outcome.PASSED,
                "98.3 % [96.1, 99.3]: the lower bound is above",
                0.9,
                clean,
                Bound.LOWER,
            ),
            Criterion(
                CriterionKind.VERIFIED,
                "verified accuracy of at least 30 %",
                Outcome.FAILED,
                "at most 0.0 % [0.0, 1.3]: the upper bound is below",
                0.3,
                verified,
                Bound.UPPER,
            ),
            Criterion(
                CriterionKind.GAP,
                "claimed accuracy at most 5 points above the verified one",
                Outcome.FAILED,
                "58.2 points [52.6, 63.7]: the lower bound is above",
                0.05,
                claimed,
                Bound.LOWER,
            ),
            Criterion(CriterionKind.REQUIRED, "an outcome of random-search", Outcome.UNDECIDED, "skipped: no time"),
            Criterion(CriterionKind.REQUIRED, "an outcome of SP202", Outcome.PASSED, "it ran"),
        ),
        (IdleWaiver(expired, WaiverProblem.EXPIRED), IdleWaiver(unused, WaiverProblem.UNUSED)),
    )


IMAGES = (
    ImageRow(0, "0/img_0001.png", "a1" * 32, 0, 0, True, False, False, 3, "pgd", -0.8125, 0.3),
    ImageRow(1, "0/img_0002.png", "a2" * 32, 0, 0, True, True, False, 8, "pgd++", -0.25, 0.1875),
    ImageRow(5, '1/Fußgänger, "quoted".png', "a3" * 32, 1, 7, False, False, False, margin=-2.5),
    ImageRow(17, "=HYPERLINK(1)", "a4" * 32, 2, 2, True, True, True, margin=1.75),
    ImageRow(203, "<b>4</b>|`x`\u202e.png", "a5" * 32, 4, 4, True, True, False, 9, "square", -1e-7, 0.29999998),
    ImageRow(299, "", "a6" * 32, 9, 9, True),
)
"""Fooled by an ordinary attack, fooled by a better one, wrong without attack, standing, fooled by a hair, not attacked."""
EXAMPLES = (
    Example(0, png(200, 20, 20), png(128, 128, 128), png(180, 40, 20), 10.0),
    Example(1, png(20, 200, 20), png(140, 120, 128), png(20, 180, 60), 2.5),
    Example(203, png(20, 20, 200), png(118, 138, 128), png(60, 20, 180), 10.0),
)


def _sweep(parameter: str, attack: str, points: list[tuple[float, str, float]]) -> Sweep:
    estimates = [(v, label, Estimate(a, max(0.0, a - 0.05), min(1.0, a + 0.05), 300)) for v, label, a in points]
    return Sweep(parameter, attack, tuple(SweepPoint(*point) for point in estimates))


@pytest.fixture
def fake(facts: ModelFacts) -> Report:
    """A binary network whose robustness is fake: all sections and all four lists are filled."""
    claimed, verified = Estimate(0.582, 0.525, 0.637, 300), Estimate(0.0, 0.0, 0.0126, 300)
    dlr = Pgd(beta=Beta(BetaRule.FIXED, 0.1), surrogate=ADAPTIVE, loss=LossKind.DLR, restarts=2)
    return Report(
        provenance=Provenance("0.1.0", "2024-05-04T10:20:30+00:00", "check"),
        model=facts,
        data=DataFacts("sample_models/digits_test.npz", 300, "0a" * 32, classes=CLASSES),
        threat=THREAT,
        environment=Environment("3.11.9", "2.15.0", "1.30.0", "cpu", 2),
        clean_accuracy=Estimate(0.9833, 0.9614, 0.9929, 300),
        attacks=(
            _row(Fgsm(), (0.697, 0.642, 0.746), 0.0213),
            _row(Pgd(), (0.582, 0.525, 0.637), 0.412),
            _row(Pgd(), (0.083, 0.057, 0.12), 1.46, source=Source.SUBSTITUTE),
            _row(Pgd(beta=Beta(BetaRule.NJS)), (0.123, 0.091, 0.165), 0.52),
            _row(Pgd(beta=HNS, surrogate=ADAPTIVE), (0.02, 0.009, 0.043), 0.61),
            replace(_row(dlr, (0.0, 0.0, 0.0126), 12.34), replay_disagreements=2),
        ),
        signal=SignalTable(
            original=SignalRow(21.4, 9.31, 0.0231, 0.000412, 5.66, 0.71, 1.0, 100),
            njs=SignalRow(1.0, 0.435, 0.412, 0.731, 8.0, 0.01, 0.0467, 100),
            hns=SignalRow(1.83, 0.812, 0.387, 0.914, 8.0, 0.0, 0.0855, 100),
        ),
        sweeps=(
            _sweep("iterations", "pgd", [(1, "1", 0.697), (5, "5", 0.61), (10, "10", 0.59), (20, "20", 0.582)]),
            _sweep(
                "radius",
                "pgd",
                [(0.1, "0.1", 0.9), (0.2, "0.2", 0.72), (0.3, "0.3", 0.582), (0.5, "0.5", 0.31), (1.0, "1", 0.12)],
            ),
            _sweep(
                "iterations", "pgd++ with hns", [(1, "1", 0.26), (5, "5", 0.04), (10, "10", 0.02), (20, "20", 0.02)]
            ),
        ),
        cures=(
            Cure((CureKind.TEMPERATURE,), "b by HNS", Estimate(0.9771, 0.943, 0.9911, 175)),
            Cure((CureKind.RESTARTS,), "20 starts", Estimate(0.0, 0.0, 0.0215, 175)),
            Cure((CureKind.EVERYTHING,), "the whole audit", Estimate(1.0, 0.9785, 1.0, 175)),
        ),
        remedy=Remedy(Cure((CureKind.TEMPERATURE,), "b by HNS", Estimate(0.9771, 0.943, 0.9911, 175)), ("SP202",)),
        effort=Effort.STANDARD,
        comparisons=9,
        findings=(
            Finding(
                _rule("FR301", "fake-robustness", Severity.ERROR),
                "Ordinary PGD leaves 58.2 % of the images standing, but attacks without masked gradients leave 0.0 %: "
                "the claimed robustness is an artefact of failing attacks.",
                Severity.ERROR,
                Confidence.HIGH,
                (
                    Measurement("claimed_accuracy", 0.582, "fraction", 300, 0.525, 0.637),
                    Measurement("verified_accuracy", 0.0, "fraction", 300, 0.0, 0.0126),
                    Measurement("p_value", 1e-50, "", 300),
                ),
            ),
            Finding(
                _rule("SP202", "saturated-error-signal", Severity.WARNING),
                "For 71 % of the images the gradient that an ordinary attack follows is exactly zero.",
                Severity.WARNING,
                Confidence.HIGH,
                (Measurement("zero_gradient_fraction", 0.71, "fraction", 100),),
            ),
            Finding(
                _rule("GM103", "transfer-beats-white-box", Severity.WARNING),
                "Images made on a small float network fool this model more often (8.3 %) than its own gradients do.",
                Severity.WARNING,
                Confidence.MEDIUM,
                (Measurement("ratio", float("inf"), "x", 300), Measurement("ratio", 7.0, "x", 300, float("nan"), 8.0)),
                waiver=WAIVER,
            ),
            Finding(
                _rule("MF405", "low-clean-accuracy", Severity.NOTE),
                "Clean accuracy is 98.3 %, 0.4 points below the card's.",
                Severity.NOTE,
                Confidence.LOW,
            ),
        ),
        skipped=(Skip("random-search", "needs more than the 60 s that are allowed"),),
        faults=(Fault("restarts", "out of memory at batch size 512"),),
        checks=CHECKS,
        verdict=Verdict(
            Status.FAKE,
            reason="The model looks robust only because ordinary attacks fail on it.",
            ordinary_accuracy=claimed,
            verified_accuracy=verified,
        ),
        gate=_demanding(claimed, verified, Estimate(0.9833, 0.9614, 0.9929, 300)),
        advice=(
            Advice("Do not ship it as robust: report at most 0.0 % as its accuracy under attack.", ("FR301",)),
            Advice("Train it with the straight-through gradient that PGD++ follows, and audit it again.", ("SP202",)),
        ),
        images=IMAGES,
        examples=EXAMPLES,
        substitute=SubstituteFacts(
            "models/digits-ref.onnx",
            "7c" * 32,
            Estimate(0.99, 0.971, 0.9966, 300),
            Estimate(0.9767, 0.9526, 0.9887, 300),
        ),
    )


@pytest.fixture
def honest(fake: Report, facts: ModelFacts) -> Report:
    """A float network that is as robust as it claims: no finding, nothing waived, skipped or broken."""
    estimate = Estimate(0.643, 0.588, 0.695, 300)
    return replace(
        fake,
        model=replace(facts, path="ref_adversarial.onnx", weight_layers=(LayerBits(32, 4),), quantizers=()),
        threat=Threat(Norm.LINF, 8 / 255),
        attacks=(replace(fake.attacks[1], threat=Threat(Norm.LINF, 8 / 255), accuracy=estimate),),
        remedy=None,
        findings=(),
        skipped=(),
        faults=(),
        verdict=Verdict(Status.AS_CLAIMED, "No attack did better than the ordinary one.", estimate, estimate),
        gate=Gate(Policy(), (_audited(), _found(Outcome.PASSED, "none"))),
        advice=(),
        images=tuple(replace(IMAGES[3], index=index, name=f"{index}.png") for index in range(3)),
        examples=(),
        substitute=None,
    )


@pytest.fixture
def claim_not_met(honest: Report) -> Report:
    """The card says 66 %, ordinary attacks and all others leave 55 %: a claim that is not met, and nothing fake."""
    left = Estimate(0.55, 0.4934, 0.6054, 300)
    rule = _rule("FR304", "claim-not-met", Severity.ERROR)
    message = "The card declares 66.0 %, and at most 55.0 % [49.3, 60.5] are left, by ordinary attacks as well."
    return replace(
        honest,
        findings=(Finding(rule, message, Severity.ERROR, Confidence.HIGH, p_value=0.00012),),
        verdict=Verdict(Status.CLAIM_NOT_MET, message, left, left, 0.66),
        gate=Gate(
            Policy(),
            (
                _audited(),
                _found(Outcome.FAILED, "FR304"),
                Criterion(
                    CriterionKind.CLAIM,
                    "accuracy under attack of at least the declared 66 %",
                    Outcome.FAILED,
                    "at most 55.0 % [49.3, 60.5]: the upper bound is below",
                    0.66,
                    left,
                    Bound.UPPER,
                ),
            ),
        ),
        advice=(Advice("Correct the card: at most 55.0 % are left.", ("FR304",)),),
    )


@pytest.fixture
def straddled(honest: Report) -> Report:
    """A threshold inside the interval of what was measured: more images would decide, one figure is decided as estimated."""
    verified = Estimate(0.643, 0.588, 0.695, 300)
    return replace(
        honest,
        extent=Extent(300, 1000, (100, 200)),
        gate=Gate(
            Policy(Limits(min_clean=0.98, min_verified=0.62), FailOn.NEVER, decide=Decide.INTERVAL),
            (
                _audited(),
                Criterion(
                    CriterionKind.VERIFIED,
                    "verified accuracy of at least 62 %",
                    Outcome.UNDECIDED,
                    "64.3 % [58.8, 69.5]: the threshold is inside the interval",
                    0.62,
                    verified,
                    Bound.LOWER,
                    1400,
                ),
                Criterion(
                    CriterionKind.CLEAN,
                    "clean accuracy of at least 98 %",
                    Outcome.UNDECIDED,
                    "98.3 % [96.1, 99.3]: the threshold is inside the interval",
                    0.98,
                    Estimate(0.9833, 0.9614, 0.9929, 300),
                    Bound.LOWER,
                    52_000,
                ),
            ),
        ),
    )


@pytest.fixture
def compared(fake: Report) -> Report:
    """An audit with a baseline: each finding is new, unchanged or worse, two are gone, and one figure is worse."""
    states = (BaselineState.UNCHANGED, BaselineState.NEW, BaselineState.WORSE, BaselineState.UNCHANGED)
    assert fake.verdict is not None
    assert fake.verdict.verified_accuracy is not None
    before, clean = Estimate(0.41, 0.352, 0.467, 270), Estimate(0.9833, 0.9614, 0.9929, 270)
    fell = Estimate(0.41, 0.349, 0.467, 270)
    worse = Criterion(
        CriterionKind.BASELINE,
        "a verified accuracy at most 2 points below that of the baseline",
        Outcome.FAILED,
        "41.0 % to 0.0 % on the same 270 images, 41.0 points lower [34.9, 46.7]: the lower bound is above 2 points.",
        0.02,
        fell,
        Bound.LOWER,
    )
    old = replace(fake, verdict=replace(fake.verdict, verified_accuracy=before))
    converged = _rule("GM115", "attack-not-converged", Severity.NOTE)
    gone = (
        GoneFinding(Finding(converged, "It was cut short.", Severity.NOTE, Confidence.HIGH)),
        GoneFinding(Finding(_rule("GM106", "random-search", Severity.WARNING), "It fools more.", Severity.WARNING,
                            Confidence.LOW, (Measurement("gain", 0.1, "fraction", 300, 0.02, 0.2),)), "no time"),
    )  # fmt: skip
    baseline = Baseline(
        StoredReport("releases/v1.json", "0b" * 32),
        release_of(old),
        images=SharedImages(300, 280, 273, 3),
        drops=(
            Drop(Accuracy.CLEAN, clean, clean, Estimate(0.0, -0.007, 0.007, 270), True, 0, 0, 1.0),
            Drop(
                Accuracy.VERIFIED, before, replace(fake.verdict.verified_accuracy, n=270), fell, True, 111, 0, 7.7e-34
            ),
        ),
        gone=gone,
        warnings=("3 of the 273 shared images have another label now and are left out of the comparison.",),
    )
    policy = Policy(Limits(min_verified=0.3), decide=Decide.ESTIMATE, waivers=(WAIVER,))
    return replace(
        fake,
        findings=tuple(replace(each, baseline=state) for each, state in zip(fake.findings, states, strict=True)),
        gate=Gate(policy, (_audited(), _found(Outcome.FAILED, "SP202 is new"), worse)),
        baseline=baseline,
    )


@pytest.fixture
def attack_only(fake: Report) -> Report:
    """What `attack` reports: one row and no judgement, on images without labels."""
    row = replace(
        fake.attacks[4],
        threat=Threat(Norm.L2, 120 / 255),
        accuracy=Estimate(0.093, 0.065, 0.131, 300),
        role="asked for",
    )
    return replace(
        fake,
        provenance=replace(fake.provenance, command="attack"),
        data=replace(fake.data, labelled=False),
        threat=Threat(Norm.L2, 120 / 255),
        clean_accuracy=Estimate(0.81, 0.762, 0.851, 300),
        attacks=(row,),
        signal=None,
        sweeps=(),
        cures=(),
        remedy=None,
        effort=None,
        findings=(),
        skipped=(),
        faults=(),
        checks=(),
        verdict=None,
        gate=None,
        advice=(),
        images=tuple(replace(row, claimed=None) for row in IMAGES[3:]),
        examples=(),
        substitute=None,
    )


@pytest.fixture
def detailed(fake: Report) -> Report:
    """What `signal` and `sweep` report: every place and curve, a sweep by itself, no judgement, and a substitute of no file."""
    places = (
        PlaceRow("logits", PlaceGradient(7.3e-7, 0.85), PlaceGradient(0.0028, 0.0), PlaceGradient(0.0042, 0.0)),
        PlaceRow("features.1.sign", PlaceGradient(2.4e-5, 0.85), PlaceGradient(0.092, 0.0), PlaceGradient(0.0, 1.0)),
        PlaceRow("input", PlaceGradient(0.0, 1.0), PlaceGradient(0.94, 0.0), PlaceGradient(0.0, 1.0)),
    )
    betas = tuple(10 ** (index / 10 - 4) for index in range(51))
    falling = tuple(1 / (1 + 100 * beta) for beta in betas)
    humped = tuple(100 * beta * value**2 for beta, value in zip(betas, falling, strict=True))
    assert fake.signal is not None
    assert fake.substitute is not None
    signal = replace(fake.signal, places=places, curves=SignalCurves(betas, falling, humped, humped, humped))
    return replace(
        fake,
        signal=signal,
        sweeps=fake.sweeps[:1],
        findings=(),
        checks=(),
        verdict=None,
        gate=None,
        advice=(),
        images=(),
        examples=(),
        substitute=replace(fake.substitute, path="", sha256="", accuracy=None),
    )


@pytest.fixture
def undecided(fake: Report) -> Report:
    """An audit that broke before it had measured anything."""
    return replace(
        fake,
        clean_accuracy=None,
        attacks=(),
        signal=None,
        sweeps=(),
        cures=(),
        remedy=None,
        effort=None,
        findings=(),
        faults=(Fault("replay", "the deployed model raised an error", required=True),),
        verdict=Verdict(Status.INCONCLUSIVE, "A required check broke."),
        gate=Gate(Policy(), (_audited(Outcome.UNDECIDED, "replay broke"), _found(Outcome.PASSED, "none"))),
        advice=(),
        images=(),
        examples=(),
        substitute=None,
    )


@pytest.fixture
def hostile(fake: Report, detailed: Report) -> Report:
    """A report in which every name is a stranger's, with all that can harm a page, a terminal, a table or a workflow."""
    return strange.with_names(replace(fake, signal=detailed.signal), strange.EVERYTHING)


@pytest.fixture
def enormous(fake: Report, detailed: Report) -> Report:
    """The same with names of a mebibyte each."""
    return strange.with_names(replace(fake, signal=detailed.signal), strange.LONG)


@pytest.fixture
def failure(fake: Report) -> Failure:
    """An audit that gave no report."""
    message = "broken.onnx: it is not an ONNX file (Protobuf parsing failed); export it again"
    return Failure(replace(fake.provenance, command="check broken.onnx"), "broken.onnx", message, ExitCode.BAD_INPUT)


@pytest.fixture
def suite(fake: Report, honest: Report, failure: Failure) -> Suite:
    """What a command with three models reports: one that fails, one that passes, one that could not be audited."""
    return Suite(replace(fake.provenance, command="check models/*.onnx"), (fake, honest, failure))


@pytest.fixture
def reports(
    fake: Report,
    honest: Report,
    attack_only: Report,
    detailed: Report,
    undecided: Report,
    claim_not_met: Report,
    straddled: Report,
    compared: Report,
    hostile: Report,
) -> dict[str, Report]:
    """One of every shape, by name."""
    return {
        "fake": fake,
        "honest": honest,
        "attack": attack_only,
        "detailed": detailed,
        "undecided": undecided,
        "claim-not-met": claim_not_met,
        "straddled": straddled,
        "compared": compared,
        "hostile": hostile,
    }


@pytest.fixture
def runs(reports: dict[str, Report], suite: Suite, failure: Failure) -> dict[str, Report | Suite | Failure]:
    """Everything that a command which audits may report, by name."""
    return {**reports, "suite": suite, "failure": failure}


@pytest.fixture
def reproduced() -> dict[str, Reproduction]:
    """The paper's tables made again, by name."""
    return {
        "reproduced": reproductions.reproduction(),
        "reproduced-several": reproductions.reproduction(TableName.TABLE13, TableName.FIGURE1, TableName.FIGURE4),
    }


@pytest.fixture
def over_releases(honest: Report, fake: Report) -> dict[str, Comparison | History]:
    """What is said of several releases, by name."""
    newer = replace(fake, threat=honest.threat, images=honest.images)
    again = replace(honest, model=replace(honest.model, sha256="5c" * 32))
    return {
        "releases": releases.compared(honest, newer),
        "releases-of-suites": releases.several_compared(honest, newer),
        "history": releases.over_releases(honest, again, name="ref_adversarial"),
        "overview": releases.over_releases(honest, newer, newer),
    }
