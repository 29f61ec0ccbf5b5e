"""Images against which a network is trained to be robust ([Madry et al. 2018])."""

from __future__ import annotations

from torch import Tensor, nn

from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import Beta, Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.facts import Layout, ModelFacts, ModelFormat
from bnnaudit.core.target import Preparation, Target
from bnnaudit.core.threat import Box, Threat
from bnnaudit.quantization.layers import training_weights
from bnnaudit.zoo.train.tables import AdversarialTable


def adversarial_images(network: nn.Module, batch: Batch, table: AdversarialTable, share: float, seed: int) -> Tensor:
    """Adversarial images (N, C, H, W) in [0, 1], made on the network in eval mode; its mode is restored.

    By PGD, or PGD++ where the table has a temperature, from a random start; it goes on after its first success and returns the
    iterate of the smallest margin. share: the fraction of the table's radius, and of its step size, that is used.
    """
    was_training = network.training
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    settings = Pgd(
        steps=table.steps, step_size=table.step_size * share, beta=Beta.parse(table.beta), stop_at_success=False
    )
    network.eval().requires_grad_(False)
    try:
        with training_weights(network):
            return run_attack(
                settings, _target(network, batch), batch, Threat(table.norm, table.eps * share), seed
            ).images
    finally:
        network.train(was_training)
        for parameter in trained:
            parameter.requires_grad_(True)


def _target(network: nn.Module, batch: Batch) -> Target:
    """The network under training as a target: it has no file, and nothing is replayed on it."""
    shape = tuple(batch.images.shape[1:])
    facts = ModelFacts("", "", ModelFormat.PYTORCH, 0, shape, Layout.NCHW, Box())
    return Target(network, Preparation(shape, Layout.NCHW), network, facts, batch.images.device)
