from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load
from torch import nn

from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.checkpoint.load import load_checkpoint
from bnnaudit.quantization.weight_training import anneal
from bnnaudit.zoo.train.arithmetic import Arithmetic
from bnnaudit.zoo.train.export import safetensors_bytes
from bnnaudit.zoo.train.final_form import clean_accuracy, deployed, round_to_half
from bnnaudit.zoo.train.images import Images, as_inputs
from bnnaudit.zoo.train.recipes import build_network
from bnnaudit.zoo.train.tables import AdversarialTable, Recipe
from bnnaudit.zoo.train.training import train

EXACT = Arithmetic(torch.float32, False, torch.device("cpu"), False)


def recipe(**options: str) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "net",
            "description": "",
            "architecture": {"name": "mlp", "options": {"in_features": 4, "hidden": [6], "classes": 3, **options}},
            "data": {"source": "x.npz", "mean": [0.5], "std": [0.25]},
            "training": {"epochs": 1},
            "card": {"eps": 0.1},
        }
    )


@pytest.fixture
def images() -> Images:
    draw = np.random.default_rng(0)
    return Images(draw.integers(0, 256, (1000, 2, 2), dtype=np.uint8), draw.integers(0, 3, 1000))


def inputs(images: Images) -> torch.Tensor:
    return (as_inputs(images.read(np.arange(len(images)))) - 0.5) / 0.25


def norm_of(network: nn.Module) -> nn.BatchNorm1d:
    return next(module for module in network.modules() if isinstance(module, nn.BatchNorm1d))


def test_an_annealed_networks_statistics_are_those_of_its_signs(images: Images) -> None:
    made = recipe(weights="binary", binarizer="md-tanh-s")
    torch.manual_seed(0)
    network = build_network(made)
    anneal(network, 0.2)
    network(inputs(images))  # statistics of weights between -1 and +1
    before = norm_of(network).running_mean.clone()
    final = deployed(network, images, made, EXACT)
    signs = network[1].weight.detach().sign()
    sums = inputs(images).flatten(1) @ signs.T
    torch.testing.assert_close(norm_of(final).running_mean, sums.mean(dim=0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(norm_of(final).running_var, sums.var(dim=0), rtol=0.02, atol=0)
    assert torch.equal(norm_of(network).running_mean, before)


def test_statistics_are_measured_in_the_precision_of_the_training(images: Images) -> None:
    """In float64 those of a layer of signs are exact; sums in float32 end otherwise from processor to processor."""
    made = recipe(weights="binary", binarizer="md-tanh-s")
    torch.manual_seed(0)
    network = build_network(made).double()
    few = images.select(np.arange(500))
    final = deployed(network, few, made, Arithmetic(torch.float64, False, torch.device("cpu"), False))
    normalised = (as_inputs(few.read(np.arange(500))).double() - 0.5) / 0.25
    sums = normalised.flatten(1) @ network[1].weight.detach().sign().T
    assert norm_of(final).running_mean.dtype is torch.float32
    torch.testing.assert_close(norm_of(final).running_mean, sums.mean(dim=0).float(), rtol=2e-7, atol=0)
    torch.testing.assert_close(norm_of(final).running_var, sums.var(dim=0).float(), rtol=2e-7, atol=0)


def test_statistics_are_of_all_classes_together_and_of_augmented_images() -> None:
    """Images that lie sorted by class, each class of one grey level, moved over a black border."""
    grey = np.repeat(np.array([60, 120, 180, 240], np.uint8), 1000)
    sorted_by_class = Images(np.broadcast_to(grey[:, None, None], (4000, 2, 2)).copy(), np.repeat(np.arange(4), 1000))
    made = recipe(weights="binary", binarizer="md-tanh-s")
    made = made.model_copy(update={"training": made.training.model_copy(update={"shift": 2})})
    torch.manual_seed(0)
    network = build_network(made)
    found = norm_of(deployed(network, sorted_by_class, made, EXACT))
    signs = network[1].weight.detach().sign().double()
    moved = torch.nn.functional.pad(torch.ones(1, 1, 2, 2), (2, 2, 2, 2)).unfold(2, 2, 1).unfold(3, 2, 1)
    pixels = torch.cat([(level / 255 * moved.reshape(25, 4).double() - 0.5) / 0.25 for level in (60, 120, 180, 240)])
    sums = pixels @ signs.T  # of every place with every grey level, which are all as likely
    torch.testing.assert_close(found.running_mean.double(), sums.mean(dim=0), rtol=0, atol=0.12)
    torch.testing.assert_close(found.running_var.double(), sums.var(dim=0, correction=0), rtol=0.1, atol=0)


def test_an_adversarially_trained_networks_statistics_are_of_adversarial_images(images: Images) -> None:
    made = recipe(weights="binary", binarizer="md-tanh-s")
    attacked = made.model_copy(update={"adversarial": AdversarialTable(eps=0.3, steps=2, step_size=0.2)})
    torch.manual_seed(0)
    network = build_network(made)
    clean, other = (norm_of(deployed(network, images, one, EXACT)).running_mean for one in (made, attacked))
    assert (clean - other).abs().max() > 0.01
    assert torch.equal(other, norm_of(deployed(network, images, attacked, EXACT)).running_mean)


@pytest.mark.parametrize("mixed", [False, True])
def test_any_other_network_keeps_its_statistics(mixed: bool, images: Images) -> None:
    made = recipe(weights="binary")
    network = build_network(made)
    network(inputs(images))
    final = deployed(network, images, made, Arithmetic(torch.float32, mixed, torch.device("cpu"), False))
    assert torch.equal(norm_of(final).running_mean, norm_of(network).running_mean)
    assert set(final[1].weight.unique().tolist()) == {-1.0, 1.0}


def test_accuracy_is_counted_on_normalised_images(images: Images) -> None:
    made = recipe()
    network = build_network(made).eval()
    with torch.no_grad():
        right = network(inputs(images)).argmax(dim=1).numpy() == images.y
    assert clean_accuracy(network, images, made, EXACT) == right.mean()


def test_half_is_written_as_it_is_deployed(images: Images, tmp_path: Path) -> None:
    """A file of half the size gives the logits of the network that is deployed, to the bit."""
    made = recipe()
    torch.manual_seed(0)
    network = build_network(made)
    whole, final = deployed(network, images, made, EXACT), deployed(network, images, made, EXACT)
    round_to_half(final)
    difference = (whole(inputs(images)) - final(inputs(images))).abs().max()
    assert 0 < difference < 1e-2
    content = safetensors_bytes(final.state_dict(), pack=False, half=True)
    (tmp_path / "half.safetensors").write_bytes(content)
    stored = load(content)
    assert {stored[name].dtype for name, tensor in final.state_dict().items() if tensor.dim() > 1} == {torch.float16}
    target = load_checkpoint(
        tmp_path / "half.safetensors", build_network(made), (1, 2, 2), Preprocessing(), Surrogate(), torch.device("cpu")
    )
    assert torch.equal(target.logits(inputs(images)), final(inputs(images)))


def test_half_is_refused_for_weights_on_a_grid() -> None:
    values = recipe(weights="binary").model_dump()
    with pytest.raises(ValueError, match=r"export.half rounds float weights"):
        Recipe.model_validate({**values, "export": {"half": True}})


def test_the_clean_accuracy_is_that_of_the_rounded_network(tmp_path: Path) -> None:
    values = recipe().model_dump() | {"data": {"held_out": 200}, "export": {"formats": ["safetensors"], "half": True}}
    values["architecture"]["options"] = {"in_features": 64, "hidden": [6], "classes": 10}
    made = train(Recipe.model_validate(values), tmp_path)
    stored = load((tmp_path / "net.safetensors").read_bytes())
    weights = {name: tensor for name, tensor in made.network.state_dict().items() if tensor.dim() > 1}
    assert weights
    assert all(torch.equal(stored[name].float(), weight) for name, weight in weights.items())
