"""GM117: the attack misses adversarial images that are known to exist ([Zimmermann et al. 2022])."""

from __future__ import annotations

from bnnaudit.core.attack import Method
from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.probing import BinarizationTest
from bnnaudit.diagnostics.comparison import percent, share

EXPECTED = 0.95
TOO_EASY = 0.8
ENOUGH = 8

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
        "For up to 8 images (100 with --effort thorough) a readout is fitted to the features of points inside the ball, "
        "against one point on its surface, and scaled to the model's own logits. PGD, PGD++ and auto attack it; random "
        "search with 600 points shows how easy the test is. Fewer inner points are taken where the features are few."
    ),
    threshold=(
        "Fires when the 95 % interval of the share that PGD finds lies below 95 %. The test is skipped where fewer than "
        "eight images take a readout, or where random search alone finds more than four in five."
    ),
    source="Zimmermann, Brendel, Tramer & Carlini 2022 (NeurIPS), by their description; the cut-off is ours.",
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
    if test.images < ENOUGH:
        why = f"only {test.images} images took a readout ({test.unfit} did not, with {test.features} features)"
        return (Skip("attack-strength", why),)
    rows = [share(f"found by {written(row.attack)}", row.found, test.images) for row in test.rows]
    if rows[-1].value > TOO_EASY:
        why = f"the test is too easy here: random search finds {percent(rows[-1].value)} of the planted images"
        return (Skip("attack-strength", why),)
    high = rows[0].high
    if high is None or high >= EXPECTED:
        return ()
    message = (
        f"Of {test.images} adversarial images planted inside the radius PGD finds {percent(rows[0].value)}; "
        f"{_others(test)}. A failure of PGD on the model itself proves nothing."
    )
    numbers = (
        *rows,
        Measurement("points inside the ball", test.inner, "points"),
        Measurement("features of the last layer", test.features, "features"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


def _others(test: BinarizationTest) -> str:
    return ", ".join(f"{written(row.attack)} {percent(row.found / test.images)}" for row in test.rows[1:])


def written(attack: str) -> str:
    """An attack as the report's tables have it: `PGD++` for `pgd++`, while `auto` and `random search` stay."""
    climbing = {str(method) for method in Method if method.climbs}
    return attack.upper() if attack.removesuffix("++") in climbing else attack


CHECK = Check("attack-strength", (RULE,), no_trials, judge, Effort.STANDARD)
