"""The sessions of the deployed model that count, as the audit opened them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from bnnaudit.core.replay import ReplayFacts
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.target import Deployed, Target
from bnnaudit.evidence.manifest import Session
from bnnaudit.evidence.sessions import Classify
from bnnaudit.evidence.threat import Images


def counted_sessions(target: Target) -> Iterator[tuple[Session, Deployed]]:
    """Each session that counts, and how it was opened."""
    if target.default_session is None or target.serve_as is not ServeAs.DEFAULT:
        facts = replay_facts(target.deployed)
        yield Session("exact", facts.exact_sums, facts.unfused), target.deployed
    if target.default_session is not None and target.serve_as is not ServeAs.EXACT:
        yield Session("default", exact_sums=False, unfused=False), target.default_session()


def replay_facts(deployed: Deployed) -> ReplayFacts:
    """How a model is run; what runs on no file of its own takes all images as they are."""
    return getattr(deployed, "replay_facts", ReplayFacts(chunk=1))


def classifier(deployed: Deployed) -> Classify:
    """A session as a function from images (n, ...) to classes (n,)."""

    def classify(images: Images) -> NDArray[np.int64]:
        scores = deployed(torch.from_numpy(np.array(images)))
        classes: NDArray[np.int64] = scores.argmax(dim=1).numpy().astype(np.int64)
        return classes

    return classify
