"""GM117: the attack misses adversarial images that are known to exist ([Zimmermann et al. 2022])."""

from __future__ import annotations

from bnnaudit.core.attack import Method
from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.probing import BinarizationTest
from bnnaudit.numerics.sequential import RatioTest
from bnnaudit.rules.comparison import percent, share

EXPECTED = 0.95
TOO_EASY = 0.8
ENOUGH = 8
VERIFYING = "auto"
"""The attack that verification rests on."""
VERIFIES = RatioTest(usual=0.9, poor=0.6, level=0.01, enough=5)
"""What it must find. Of 40 planted images it finds all on the bank's healthy networks, and 36 where weights and activations are
binary; none or one where no gradient arrives."""

RULE = Rule(
    code="GM117",
    name="attack-too-weak",
    severity=Severity.WARNING,
    summary="PGD misses planted adversarial images: it is too weak to judge this network.",
    meaning=(
        "The last layer is replaced by a two-class readout that answers differently at one known point on the sphere of the "
        "radius. An attack that cannot find such a point although it is there says nothing when it finds none on the model."
    ),
    measured=(
        "For 8 images (100 with --effort thorough) a readout is fitted to the features of points inside the ball, "
        "against one point on its surface, and scaled to the model's own logits. PGD, PGD++ and auto attack it; random "
        "search with 600 points shows how easy the test is. Fewer inner points are taken where the features are few. Up to 40 "
        "images are taken where 8 leave open whether auto, which verifies, finds nine in ten of them or six (Wald's test)."
    ),
    threshold=(
        "Fires when the 95 % interval of the share that PGD finds lies below 95 %, or auto finds too few. The test is skipped "
        "where fewer than eight images take a readout, or where random search alone finds more than four in five. Where auto "
        "finds too few (at a level of 1 %), what it left standing proves too little, and the verdict is undecided."
    ),
    source=(
        "Zimmermann, Brendel, Tramer & Carlini 2022 (NeurIPS), by their description; Wald 1945 (sequential test); the cut-offs "
        "are ours."
    ),
    remedy="Do not quote PGD. Quote an attack that passes this test (its row says which), or the verified accuracy.",
    false_alarms=(
        "Features of a few discrete values can make the one point unreachable for any gradient; then PGD++ and auto miss it "
        "as well, and random search beside them tells how much is to be found."
    ),
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Holds the ordinary attack's share against what it should find."""
    test = evidence.probes.binarization
    if test is None:
        return (Skip("attack-strength", evidence.probes.why_missing("binarization")),)
    if why := _why_not_judged(test):
        return (Skip("attack-strength", why),)
    rows = [share(f"found by {written(row.attack)}", row.found, test.images) for row in test.rows]
    high = rows[0].high
    if (high is None or high >= EXPECTED) and verification_misses(test) is None:
        return ()
    message = (
        f"Of {test.images} adversarial images planted inside the radius PGD finds {percent(rows[0].value)}; "
        f"{_others(test)}. A failure of {'auto' if verification_misses(test) else 'PGD'} on the model itself proves nothing."
    )
    numbers = (
        *rows,
        Measurement("points inside the ball", test.inner, "points"),
        Measurement("features of the last layer", test.features, "features"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


def _why_not_judged(test: BinarizationTest) -> str:
    """Why the test says nothing; empty where it does."""
    if test.images < ENOUGH:
        return f"only {test.images} images took a readout ({test.unfit} did not, with {test.features} features)"
    easy = test.rows[-1].found / test.images
    return (
        f"the test is too easy here: random search finds {percent(easy)} of the planted images"
        if easy > TOO_EASY
        else ""
    )


def verification_misses(test: BinarizationTest | None) -> tuple[int, int] | None:
    """Planted images that `auto` found, and how many there were, where these are significantly too few; else None."""
    found = None if test is None else test.found_by(VERIFYING)
    if test is None or found is None or _why_not_judged(test):
        return None
    return (found, test.images) if VERIFIES.is_poor(found, test.images - found) else None


def _others(test: BinarizationTest) -> str:
    return ", ".join(f"{written(row.attack)} {percent(row.found / test.images)}" for row in test.rows[1:])


def written(attack: str) -> str:
    """An attack as the report's tables have it: `PGD++` for `pgd++`, while `auto` and `random search` stay."""
    climbing = {str(method) for method in Method if method.climbs}
    return attack.upper() if attack.removesuffix("++") in climbing else attack


CHECK = Check("attack-strength", (RULE,), no_trials, judge, Effort.STANDARD)
