"""Images against which a network is trained to be robust ([Madry et al. 2018])."""

from __future__ import annotations

from torch import Tensor, nn

from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.facts import Layout, ModelFacts, ModelFormat
from bnnaudit.core.target import Preparation, Target
from bnnaudit.core.threat import Box, Norm, Threat


def adversarial_images(network: nn.Module, batch: Batch, eps: float, steps: int, step_size: float, seed: int) -> Tensor:
    """L-inf adversarial images (N, C, H, W) in [0, 1], made on the network in eval mode; it is left as it was.

    By PGD that goes on after its first success, for the worst image within reach.
    """
    was_training = network.training
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    settings = Pgd(steps=steps, step_size=step_size, stop_at_success=False)
    network.eval().requires_grad_(False)
    try:
        return run_attack(settings, _target(network, batch), batch, Threat(Norm.LINF, eps), seed).images
    finally:
        network.train(was_training)
        for parameter in trained:
            parameter.requires_grad_(True)


def _target(network: nn.Module, batch: Batch) -> Target:
    """The network under training as an attack sees it: a model of no file, which nobody replays on."""
    shape = tuple(batch.images.shape[1:])
    facts = ModelFacts("", "", ModelFormat.PYTORCH, 0, shape, Layout.NCHW, Box())
    return Target(network, Preparation(shape, Layout.NCHW), network, facts)
