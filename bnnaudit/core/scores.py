"""Which tensor of a network attacks climb, where that is not the output itself, and what the output hides of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScoreFacts:
    """The tensor that attacks climb, found by measurement; whether an attack succeeded is judged by the output all the same.

    tensor, operator: its name in the file and what makes it. tail: the operators between it and the output, in order.
    points: images on which the order of the scores was compared. tied: of those, images whose output is tied at the top,
    where any of the tied classes was accepted. rejected: tensors of the same size further up whose order differs.
    scale: the factor by which the output's own scale differs from the tensor's. logarithm: its logarithm is climbed,
    because it holds probabilities.
    """

    tensor: str
    operator: str
    tail: tuple[str, ...]
    points: int
    tied: int
    rejected: tuple[str, ...] = ()
    scale: float = 1.0
    logarithm: bool = False

    @property
    def why(self) -> str:
        """In a sentence, for people."""
        chain = " -> ".join(self.tail)
        tied = f", the output tied on {self.tied} of them" if self.tied else ""
        agree = f"it orders the classes as the output does on all {self.points} images compared{tied}"
        return f"{agree}; {chain} behind it only hides differences" if chain else agree
