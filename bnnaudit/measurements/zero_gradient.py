"""A target whose network is cut off from autograd, with a gradient of zero in place of an error.

Networks that are loaded have it already; this is for targets that a program makes for itself.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from bnnaudit.core.target import Target
from bnnaudit.quantization.zero_gradient import Attached, attached_network


def attached(target: Target, images: Tensor) -> Target:
    """The target itself, or an attached one where autograd finds no way from the logits to one of the images (N, ...).

    A user's network may compute a part without gradients, or detach it; every attack on it would end in an error.
    """
    network = attached_network(target.network, target.prepare(images[:1].to(target.device)))
    return target if network is target.network else replace(target, network=network)


__all__ = ["Attached", "attached"]
