"""The deployed model in the sessions that it may be served in, and which of them count."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bnnaudit.core.errors import ModelError
from bnnaudit.core.serving import ServeAs, Sessions
from bnnaudit.core.target import Target
from bnnaudit.numerics.losses import margin


@dataclass(frozen=True, slots=True)
class Answers:
    """Classes (N,) on the CPU by an exact session and by a default one, which is None where it cannot differ."""

    exact: Tensor
    default: Tensor | None
    serve_as: ServeAs

    @classmethod
    def of(cls, exact: Tensor, default: Tensor | None, serve_as: ServeAs) -> Answers:
        """The classes of largest score (N, d) in each session."""
        return cls(exact.argmax(dim=1), None if default is None else default.argmax(dim=1), serve_as)

    @property
    def shown(self) -> Tensor:
        """The classes (N,) of the session that counts, of the exact one where both do."""
        return self.default if self.default is not None and self.serve_as is ServeAs.DEFAULT else self.exact

    def right(self, labels: Tensor) -> Tensor:
        """(N,) bool on the CPU: images that every session gets right that counts."""
        sessions = self.sessions(labels)
        return self.exact == labels.cpu() if sessions is None else torch.from_numpy(sessions.counted(self.serve_as))

    def sessions(self, labels: Tensor) -> Sessions | None:
        """What each session gets right, None where they are the same."""
        if self.default is None:
            return None
        known = labels.cpu()
        return Sessions((self.exact == known).numpy(), (self.default == known).numpy())


@dataclass(frozen=True, slots=True)
class Reading:
    """The answer of one session that counts to each of N images: of the first that is wrong, else of the first.

    classes (N,) int64; margins (N,): the label's score less the highest other one. Both on the CPU.
    """

    classes: Tensor
    margins: Tensor

    @classmethod
    def of(cls, exact: Tensor, default: Tensor | None, serve_as: ServeAs, labels: Tensor) -> Reading:
        """From the scores (N, d) of each session and the labels (N,)."""
        known = labels.cpu()
        counted = [exact] if default is None or serve_as is not ServeAs.DEFAULT else [default]
        if default is not None and serve_as is ServeAs.ANY:
            counted.append(default)
        classes, margins = counted[0].argmax(dim=1), margin(counted[0], known)
        for scores in counted[1:]:
            others = scores.argmax(dim=1)
            instead = (classes == known) & (others != known)
            classes = torch.where(instead, others, classes)
            margins = torch.where(instead, margin(scores, known), margins)
        return cls(classes, margins)


def session_scores(target: Target, images: Tensor) -> tuple[Tensor, Tensor | None]:
    """Scores (N, d) of images (N, ...) by an exact session and by a default one, which is None where it cannot differ."""
    default = None if target.default_session is None else target.default_session()(images)
    return target.deployed(images), default


def answers_of(target: Target, images: Tensor) -> Answers:
    """What the sessions say of images (N, ...) in the network's range."""
    return Answers.of(*session_scores(target, images), target.serve_as)


def with_default_session(target: Target) -> tuple[Target, str]:
    """The target with its default session opened; where that fails the target without it, and why.

    Raises ModelError where no other session counts.
    """
    if target.default_session is None:
        return target, ""
    try:
        opened = target.default_session()
    except ModelError as error:
        if target.serve_as is ServeAs.DEFAULT:
            raise
        return replace(target, default_session=None), f"no default session on this machine: {error}"
    return replace(target, default_session=lambda: opened), ""
