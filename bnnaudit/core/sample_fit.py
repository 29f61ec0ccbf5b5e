"""Whether the sample is what the model was made for: its labels, how it is fed, and its pictures, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another reading of the labels, or another way to feed the images, held against the given one on the same images.

    what: the other one in words. remedy: what to do if it is the right one. right: images classified correctly under it.
    gained, lost: images right only under it, or only as given. by_chance: images expected right under it if answers and
    labels, each as frequent as they are then, had nothing to do with each other.
    """

    what: str
    remedy: str
    right: int
    gained: int
    lost: int
    by_chance: float = 0.0


@dataclass(frozen=True, slots=True)
class LabelFit:
    """The labels of `images` images of `classes` classes held against the deployed model's answers, `right` of which agree.

    by_chance: images expected to agree if labels and answers had nothing to do with each other, each as frequent as it is;
    deviation: how many standard deviations more than that agree. off_commonest: images not of the commonest label.
    readings: other meanings of the labels. ranked: wrong answers for which it is clear how many classes, apart from the one
    answered, score higher than the label; rank: the mean of that number as a fraction of those classes, 0.5 for labels
    drawn at random. Labels that the model answers for no image are left out of both. separation: probability that a right
    answer has the wider margin than a wrong one (the area under the ROC curve).
    """

    images: int
    classes: int
    right: int
    by_chance: float
    deviation: float
    off_commonest: int
    readings: tuple[Alternative, ...] = ()
    ranked: int = 0
    rank: float = 0.0
    separation: float = 1.0


@dataclass(frozen=True, slots=True)
class FeedingFit:
    """Other ways to feed the images, tried on `images` of them, `right` of which are classified correctly as fed."""

    images: int
    right: int
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class PictureFit:
    """What `images` images look like, and what the model answers.

    flat: images of one single value. correlation: of neighbouring pixels, the median over the others; None where they are
    no pictures of at least 8 x 8. spread: highest minus lowest value of all, as a fraction of the input range. commonest:
    images put into the class that is answered most often.
    """

    images: int
    flat: int
    correlation: float | None
    spread: float
    commonest: int


@dataclass(frozen=True, slots=True)
class SampleFit:
    """All of it. labels and feeding are None for data without labels; untried: why no other way to feed was tried."""

    pictures: PictureFit
    labels: LabelFit | None = None
    feeding: FeedingFit | None = None
    untried: str = ""
