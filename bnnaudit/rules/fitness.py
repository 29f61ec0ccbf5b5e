"""What several rules ask about the sample: whether another reading fits far better, or chance explains its accuracy."""

from collections.abc import Callable, Sequence

from bnnaudit.core.evidence import Evidence, Judged
from bnnaudit.core.finding import Finding, Skip
from bnnaudit.core.sample_fit import Alternative, LabelFit, SampleFit
from bnnaudit.rules.comparison import NO_LABELS, Paired, share

FAR = 0.10
"""Ten points of accuracy. Of 24 ways to prepare 100 images, the best one gained at most 8 on networks with 24 to 58 % on CIFAR-10
with correct inputs, and at least 29 on the same networks with wrong ones."""
CLOSE = 0.02
"""Share of the images: two ways to prepare them that differ by less are equally good. Not tuned."""
SIGNIFICANT = 0.01
"""Level of McNemar's p-value, times the alternatives tried. Not tuned."""
DEVIATIONS = 1.96
"""Standard deviations above chance that are still explained by it: 2.5 %, one-sided."""
ENOUGH_OTHERS = 10
"""Images not of the commonest class, from which on a constant prediction can be told from a correct one. Not tuned."""


def judge_labels(check: str, evidence: Evidence, findings_from: Callable[[SampleFit], tuple[Finding, ...]]) -> Judged:
    """What a check says that needs the labels of the sample; skipped where they are not known."""
    fit = evidence.probes.fit
    if fit is None:
        return (Skip(check, evidence.probes.why_missing("fit")),)
    if fit.labels is None:
        return (Skip(check, NO_LABELS),)
    return findings_from(fit)


def far_better(alternatives: Sequence[Alternative], images: int) -> Alternative | None:
    """The alternative under which most of `images` images are right, if that is far better than as given.

    Of several that are about equally good it is the first, which is the simplest. Alternatives under which chance explains
    the predictions do not count: on images of one class, any that makes the model predict nothing else would be right.
    """
    telling = [each for each in alternatives if each.right - each.by_chance >= FAR * images]
    if not telling or not images:
        return None
    best = max(telling, key=lambda each: each.right)
    pair = Paired(best.lost, best.gained, images)
    if pair.gain < FAR or pair.p_among(len(alternatives)) >= SIGNIFICANT:
        return None
    return about_as_good(best, telling, images)[0]


def about_as_good(best: Alternative, alternatives: Sequence[Alternative], images: int) -> tuple[Alternative, ...]:
    """Those under which about as many images are right as under `best`; in their order, `best` among them."""
    return tuple(each for each in alternatives if each.right >= best.right - CLOSE * images)


def explanations(fit: SampleFit) -> tuple[Alternative | None, Alternative | None]:
    """A far better numbering of the labels, and a far better way to prepare the images.

    Where both are far better than what is given, only the one under which more images are right; the numbering in a tie.
    """
    told, fed = fit.labels, fit.feeding
    numbering = None if told is None else far_better(told.readings, told.images)
    feeding = None if fed is None else far_better(fed.alternatives, fed.images)
    if told is None or fed is None or numbering is None or feeding is None:
        return numbering, feeding
    return (numbering, None) if numbering.right / told.images >= feeding.right / fed.images else (None, feeding)


def is_at_chance(seen: LabelFit) -> bool:
    """Whether chance explains the agreement."""
    if seen.off_commonest >= ENOUGH_OTHERS:
        return seen.deviation <= DEVIATIONS
    low = share("", seen.right, seen.images).low
    return low is not None and low <= 1 / seen.classes
