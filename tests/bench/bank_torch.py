"""Entries of the bank that are written in PyTorch code of one's own: one binary network in many spellings, broken and sound.

What is broken is the scale of the logits, and the audit must say so whatever the signs are written with; with the logits
scaled as a float network's are nothing is broken, and nobody must be accused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from bnnaudit.core.target import Target
from bnnaudit.quantization.quantizers import BinarySign
from tests.bench.bank import ADAPTIVE, FAKE, HONEST, Entry, images_of
from tests.bench.bank_networks import trained
from tests.networks.broken import honest_scale
from tests.networks.checkpoints import checkpoint_of
from tests.networks.spelled import SPELLINGS, Spelled

EPS = 0.15
CHOSEN = (
    "where",
    "overwritten",
    "Function, clipped",
    "Function, dead",
    "detach trick",
    "detach trick, tanh",
    "data in place",
    "no_grad",
    "bucketize",
)
CUT_OFF = "all under no_grad"


def spelled(name: str) -> nn.Module:
    """The binary network on digits, its logits as they were trained."""
    return Spelled(trained("digits-waq"), SPELLINGS.get(name, SPELLINGS["where"]), BinarySign, name == CUT_OFF)


def scaled(name: str) -> nn.Module:
    """The same with logits of an honest scale."""
    with torch.no_grad():
        return honest_scale(spelled(name), images_of("digits")[:200])


def opened(make: Callable[[str], nn.Module], name: str) -> Target:
    """The network as a checkpoint with code of its own."""
    return checkpoint_of(make(name), tuple(images_of("digits").shape[1:]), 10)


def entries() -> tuple[Entry, ...]:
    """Each spelling broken, and sound."""
    causes = frozenset({"SP201", "SP208"})
    broken = (
        Entry(f"torch: {name}, as trained", "digits", partial(opened, spelled, name), EPS, FAKE, causes)
        for name in (*CHOSEN, CUT_OFF)
    )
    sound = (
        Entry(f"torch: {name}, scaled", "digits", partial(opened, scaled, name), EPS, HONEST, ordinary=ADAPTIVE)
        for name in (*CHOSEN, CUT_OFF)
    )
    return (*broken, *sound)
