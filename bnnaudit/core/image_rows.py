"""What an audit says of single images: a row for each, and pictures of a few counterexamples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image of the sample.

    index: in the data set. name: of its file, empty where it has none. digest: of its values in units of the [0,1] image, so that
    two reports on the same image agree whatever range the networks take. label: the truth, or the model's own answer where the
    data have no labels. clean_prediction: the deployed model's answer without attack. claimed: whether it withstood ordinary PGD;
    verified: whether it withstood everything; None where that was not measured. adversarial_prediction, fooled_by, distance: the
    deployed model's answer to the counterexample, the attack that found it, and its distance in the threat's norm in units of the
    [0,1] image; None and empty where none was found. margin: of the deployed model's scores, the label's less the highest other,
    on the counterexample where there is one, else on the image itself.
    """

    index: int
    name: str
    digest: str
    label: int
    clean_prediction: int
    right: bool
    claimed: bool | None = None
    verified: bool | None = None
    adversarial_prediction: int | None = None
    fooled_by: str = ""
    margin: float | None = None
    distance: float | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A counterexample to look at, each picture a PNG file.

    index: of the image in the data set, whose row says the rest. scale: by what the perturbation was multiplied before it was
    drawn around mid-grey.
    """

    index: int
    original: bytes
    perturbation: bytes
    adversarial: bytes
    scale: float
