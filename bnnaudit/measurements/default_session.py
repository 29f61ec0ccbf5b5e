"""How a runtime without options answers, beside the replay that computes what the file says."""

from __future__ import annotations

from torch import Tensor

from bnnaudit.core.evidence import DefaultAnswers
from bnnaudit.core.target import Target


def measure_default(target: Target, images: Tensor, scores: Tensor) -> DefaultAnswers | None:
    """Holds it against the deployed model's `scores` (N, d) on images (N, ...); None where it cannot differ.

    Every other class counts, a tie of the top two scores as well: it is what people would be served.
    """
    if target.default_session is None:
        return None
    answers = target.default_session()(images)
    gap = (answers - scores).nan_to_num(0.0, 0.0, 0.0).abs()
    return DefaultAnswers(
        images=len(images),
        differing=int((answers.argmax(dim=1) != scores.argmax(dim=1)).sum()),
        largest_difference=float(gap.max()) if gap.numel() else 0.0,
    )
