import pytest
import torch
from torch import nn

from bnnaudit.quantization.binarizers import BetaSchedule, Binarizer
from bnnaudit.quantization.layers import BinaryConv2d, BinaryLinear, deploy, training_weights
from bnnaudit.quantization.weight_training import after_step, anneal, refresh_normalization

ANNEALED = [Binarizer.GD_TANH, Binarizer.MD_TANH_S]


def network(binarizer: Binarizer) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        BinaryConv2d(1, 3, 3, binarizer=binarizer),
        nn.BatchNorm2d(3),
        nn.Flatten(),
        BinaryLinear(48, 5, binarizer=binarizer),
    )


IMAGES = torch.rand(40, 1, 6, 6, generator=torch.Generator().manual_seed(1))


def test_annealing_sets_beta_by_what_is_done_alone() -> None:
    net = network(Binarizer.MD_TANH_S)
    anneal(net, 0.9)
    anneal(net, 0.5, BetaSchedule(1, 100))
    assert net[0].beta == net[3].beta == pytest.approx(10)


@pytest.mark.parametrize("binarizer", ANNEALED)
def test_training_mode_uses_tanh_and_eval_mode_what_is_deployed(binarizer: Binarizer) -> None:
    layer = BinaryLinear(4, 2, binarizer=binarizer)
    layer.beta = 3.0
    assert torch.equal(layer.used_weight(), torch.tanh(3 * layer.weight))
    assert torch.equal(layer.eval().used_weight(), torch.where(layer.weight >= 0, 1.0, -1.0))
    assert set(deploy(layer).weight.unique().tolist()) <= {-1, 1}


@pytest.mark.parametrize("binarizer", ANNEALED)
def test_at_the_end_the_weights_of_training_are_signs(binarizer: Binarizer) -> None:
    layer = BinaryLinear(500, 20, binarizer=binarizer)
    anneal(layer, 1.0)
    away = (layer.used_weight() - layer.eval().used_weight()).detach().abs()
    assert float(away.mean()) < 0.01


def test_latent_weights_are_clipped_where_the_gradient_is_straight_through_alone() -> None:
    for binarizer in Binarizer:
        layer = BinaryLinear(2, 1, binarizer=binarizer)
        nn.init.constant_(layer.weight, 3.0)
        after_step(layer)
        assert float(layer.weight.detach().max()) == (3 if binarizer in ANNEALED else 1)


def test_attacks_during_training_see_its_weights() -> None:
    layer = BinaryLinear(4, 2, binarizer=Binarizer.MD_TANH_S)
    inputs = torch.rand(3, 4)
    trained, deployed = layer(inputs), layer.eval()(inputs)
    with training_weights(layer):
        assert torch.equal(layer(inputs), trained)
    assert torch.equal(layer(inputs), deployed)
    with pytest.raises(RuntimeError), training_weights(layer):
        layer(torch.rand(3, 5))
    assert torch.equal(layer(inputs), deployed)


def test_statistics_are_those_of_the_deployed_weights_over_all_images() -> None:
    net = network(Binarizer.MD_TANH_S)
    anneal(net, 0.1)
    for _ in range(5):
        net(IMAGES)
    net[0].eval()
    refresh_normalization(net, IMAGES.split(10))
    planes = nn.functional.conv2d(IMAGES, torch.where(net[0].weight >= 0, 1.0, -1.0))
    torch.testing.assert_close(net[1].running_mean, planes.mean(dim=(0, 2, 3)))
    spread = torch.stack([part.transpose(0, 1).flatten(1).var(dim=1) for part in planes.split(10)]).mean(dim=0)
    torch.testing.assert_close(net[1].running_var, spread)
    assert [module.training for module in net] == [False, True, True, True]
    assert net[1].momentum == 0.1


def test_statistics_of_the_final_network_cost_it_nothing() -> None:
    """With statistics of other weights its logits are off; with its own they are those of a batch."""
    net = network(Binarizer.MD_TANH_S)
    for _ in range(50):
        net(IMAGES)
    with torch.no_grad():
        by_batch = deploy(net)
        by_batch[1].train()
        own = by_batch(IMAGES)
        stale = float((deploy(net)(IMAGES) - own).abs().mean())
        refresh_normalization(net, [IMAGES])
        fresh = float((deploy(net)(IMAGES) - own).abs().mean())
    assert stale > 1
    assert fresh < 0.1
