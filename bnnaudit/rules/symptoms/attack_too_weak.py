"""GM117: the attack misses adversarial images that are known to exist ([Zimmermann et al. 2022])."""

from bnnaudit.core.attack import Method
from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.probing import BinarizationTest
from bnnaudit.numerics.sequential import RatioTest
from bnnaudit.rules.comparison import in_percent, percent, share

EXPECTED = 0.95
"""Share that an attack with useful gradients finds. Not tuned."""
TOO_EASY = 0.8
"""Share that random search may find. Not tuned."""
ENOUGH = 8
"""Images, at least. Not tuned."""
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
        "The last layer is replaced by a two-class head that predicts the other class at one known point on the surface of "
        "the ball. If an attack cannot find such a point, which does exist, its failure on the model itself means nothing."
    ),
    measured=(
        f"For {ENOUGH} images (100 with --effort thorough) a head is fitted that separates the features of points inside the "
        "ball from those of one point on its surface; it is scaled to the model's own logits. PGD, PGD++ and auto attack it, and "
        "random search with 600 points shows how easy the test is. Networks with few features get fewer inner points. Up to 40 "
        f"images are used until a sequential test settles whether auto, on which verification rests, finds "
        f"{in_percent(VERIFIES.usual)} of them or {in_percent(VERIFIES.poor)} (Wald's test, which stops at a likelihood ratio of "
        f"1 to {1 / VERIFIES.level:g} or {VERIFIES.enough:g} to 1)."
    ),
    threshold=(
        f"Fires when the 95 % interval of the share that PGD finds lies below {in_percent(EXPECTED)}, or auto finds too few. The "
        f"test is skipped where a head fits on fewer than {ENOUGH} images, or where random search alone finds more than "
        f"{in_percent(TOO_EASY)}. Where auto finds too few ({in_percent(VERIFIES.usual)} is rejected in favour of "
        f"{in_percent(VERIFIES.poor)} at a level of {in_percent(VERIFIES.level)}), its failure proves too "
        "little, and the verdict is inconclusive."
    ),
    source="[Zimmermann et al. 2022], after their description; [Wald 1945] (sequential test); the limits are ours.",
    remedy="Do not quote PGD. Quote an attack that passes this test (see its row), or the verified accuracy.",
    false_alarms="Features of few values can put the point out of reach of gradients; PGD++ and auto miss it too.",
)


def judge(evidence: Evidence) -> Judged:
    """Compares the share that the ordinary attack finds with what it should find."""
    test = evidence.probes.binarization
    if test is None:
        return (Skip("attack-strength", evidence.probes.why_missing("binarization")),)
    if why := _why_not_judged(test):
        return (Skip("attack-strength", why),)
    rows = [share(f"found by {written(attack)}", found, test.images) for attack, found in test.found.items()]
    high = rows[0].high
    if (high is None or high >= EXPECTED) and verification_misses(test) is None:
        return ()
    others = ", ".join(
        f"{written(attack)} {percent(found / test.images)}" for attack, found in [*test.found.items()][1:]
    )
    message = (
        f"Of {test.images} adversarial images planted inside the radius PGD finds {percent(rows[0].value)}; "
        f"{others}. A failure of {'auto' if verification_misses(test) else 'PGD'} on the model itself proves nothing."
    )
    numbers = (
        *rows,
        Measurement("points inside the ball", test.inner, "points"),
        Measurement("features of the last layer", test.features, "features"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


def _why_not_judged(test: BinarizationTest) -> str:
    """Why nothing follows from the test; empty where something does."""
    if test.images < ENOUGH:
        return f"a head fits on {test.images} images only ({test.unfit} have none, with {test.features} features)"
    easy = [*test.found.values()][-1] / test.images
    return (
        f"the test is too easy here: random search finds {percent(easy)} of the planted images"
        if easy > TOO_EASY
        else ""
    )


def verification_misses(test: BinarizationTest | None) -> tuple[int, int] | None:
    """Planted images that `auto` found, and how many there were, where these are significantly too few; else None."""
    found = None if test is None else test.found.get(VERIFYING)
    if test is None or found is None or _why_not_judged(test):
        return None
    return (found, test.images) if VERIFIES.is_poor(found, test.images - found) else None


def written(attack: str) -> str:
    """An attack as the report's tables have it: `PGD++` for `pgd++`, while `auto` and `random search` stay."""
    climbing = {str(method) for method in Method if method.climbs}
    return attack.upper() if attack.removesuffix("++") in climbing else attack


CHECK = Check("attack-strength", RULE, judge, least=Effort.STANDARD)
