"""The exact verifier against exhaustive search: every sign pattern of the first layer, each a linear program of its own."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import nn

from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.quantization.binary_network import BinaryNetwork, read_binary_network
from bnnaudit.quantization.quantizers import BinarySign
from tests.bench.exact import Answer, verify
from tests.toy import BYTES, batch_of, binary_network, images_of, target_of, two_pixel_target


def has_adversarial_image(network: BinaryNetwork, batch: Batch, threat: Threat) -> bool:
    """Whether the first layer can show a sign pattern within the ball that the rest of the network gets wrong."""
    image, layer = batch.images.flatten().double().numpy(), network.layers[0]
    bounds = np.stack([np.maximum(image - threat.radius, 0), np.minimum(image + threat.radius, 255)], axis=1)
    for signs in itertools.product([-1.0, 1.0], repeat=len(layer.bias)):
        pattern = np.array(signs)
        units = pattern[None]
        for later in network.layers[1:]:
            units = later.units(units)
        if (units @ network.weights.T + network.bias).argmax() == int(batch.labels):
            continue
        shown = linprog(np.zeros(len(image)), -layer.weights * pattern[:, None], layer.bias * pattern, bounds=bounds)
        if shown.status == 0:
            return True
    return False


@pytest.mark.parametrize(("sizes", "seed"), [([4, 5, 3], 1), ([5, 6, 4, 3], 3), ([5, 6, 4, 3], 4)])
def test_it_answers_as_an_exhaustive_search_does(sizes: list[int], seed: int) -> None:
    target = binary_network(sizes, seed)
    network = read_binary_network(target, (1, 1, sizes[0]), "test")
    batch, threat = images_of(target, 8, seed), Threat(Norm.LINF, 0.06, BYTES)
    proofs = verify(target, batch, threat)
    truth = [has_adversarial_image(network, batch.select(slice(i, i + 1)), threat) for i in range(len(batch))]
    assert [proof.answer is Answer.ADVERSARIAL for proof in proofs] == truth
    assert Answer.UNDECIDED not in [proof.answer for proof in proofs]
    assert 0 < sum(truth) < len(truth)
    for index, proof in enumerate(proofs):
        if proof.image is not None:
            assert (proof.image - batch.images[index]).abs().max() <= threat.radius * (1 + 1e-6)
            assert target.deployed(proof.image).argmax() != batch.labels[index]


@pytest.mark.parametrize(
    ("eps", "answer"),
    [(0.0990, Answer.ROBUST), (0.1010, Answer.ADVERSARIAL), (0.09995, Answer.UNDECIDED)],
)
def test_what_lies_within_the_slack_is_left_open(eps: float, answer: Answer) -> None:
    """The nearer pixel is 0.1 above its threshold: the answer is sure from 1e-4 on, either way."""
    target = two_pixel_target(0.5)
    batch = batch_of(target, torch.tensor([[0.6, 0.9]]))
    assert verify(target, batch, Threat(Norm.LINF, eps))[0].answer is answer


def tied_target(label: int) -> Target:
    """Two equal logits where the pixel is below 0.5; class `label` leads above it."""
    network = nn.Sequential(nn.Linear(1, 1), BinarySign(), nn.Linear(1, 2))
    with torch.no_grad():
        network[0].weight.fill_(1.0)
        network[0].bias.fill_(-0.5)
        network[2].weight.zero_()
        network[2].weight[label] = 1.0
        network[2].bias.zero_()
        network[2].bias[label] = 1.0
    return target_of(network, (1,), 2)


@pytest.mark.parametrize(("label", "answer"), [(0, Answer.ROBUST), (1, Answer.ADVERSARIAL)])
def test_of_equal_logits_the_first_wins(label: int, answer: Answer) -> None:
    target = tied_target(label)
    batch = batch_of(target, torch.tensor([[0.6]]))
    assert batch.labels.tolist() == [label]
    assert verify(target, batch, Threat(Norm.LINF, 0.2))[0].answer is answer


def test_no_time_is_no_answer() -> None:
    target = binary_network([5, 6, 4, 3], seed=3)
    proofs = verify(target, images_of(target, 8, seed=3), Threat(Norm.LINF, 0.06, BYTES), seconds=0.0)
    assert {proof.answer for proof in proofs} <= {Answer.UNDECIDED, Answer.ROBUST}
    assert Answer.UNDECIDED in [proof.answer for proof in proofs]


def test_it_knows_linf_only() -> None:
    target = binary_network([4, 4, 3], seed=0)
    with pytest.raises(ValueError, match="L-inf"):
        verify(target, images_of(target, 1, 0), Threat(Norm.L2, 0.1, BYTES))
