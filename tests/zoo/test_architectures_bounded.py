"""Networks that a card describes are counted before they take memory."""

import time

import pytest
import torch

from bnnaudit.core.errors import SettingsError, UsageError
from bnnaudit.models.checkpoint.architectures import resolve_architecture
from bnnaudit.zoo.architectures import ARCHITECTURES


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mlp", {"hidden": [40_000, 40_000]}),
        ("mlp", {"in_features": 10**12}),
        ("mlp", {"classes": 2**40}),
        ("mlp", {"hidden": [10**18, 10**18]}),
        ("mlp", {"hidden": [1] * 100_000}),
        ("cnn", {"channels": [30_000, 30_000]}),
        ("cnn", {"image_size": 10**6}),
        ("cnn", {"image_size": 10**30}),
        ("mlp", {"hidden": [2**70]}),
        ("mlp", {"hidden": [-1]}),
        ("mlp", {"hidden": "abc"}),
        ("mlp", {"hidden": [[1]]}),
        ("resnet18", {"width": 10**30}),
        ("resnet50", {"width": 4096}),
        ("densenet121", {"width": 4096}),
        ("mobilenet_v2", {"width": 4096}),
        ("vgg16", {"classes": 2**40}),
        ("resnet18", {"in_channels": 10**12}),
        ("lenet", {"image_size": 10**6}),
        ("lenet", {"hidden": [1] * 100_000}),
    ],
)
def test_huge_networks_are_refused_before_they_are_built(
    name: str, options: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = time.process_time()
    with pytest.raises(UsageError, match="failed"):
        resolve_architecture(name, options, ARCHITECTURES)
    assert time.process_time() - start < 5


def test_what_is_built_holds_weights() -> None:
    for name, builder in ARCHITECTURES.items():
        network = resolve_architecture(name, {}, ARCHITECTURES)
        assert all(parameter.device.type == "cpu" for parameter in network.parameters())
        torch.manual_seed(3)
        one = builder()
        torch.manual_seed(3)
        other = builder.__wrapped__()  # type: ignore[attr-defined]
        pairs = zip(one.parameters(), other.parameters(), strict=True)
        assert all(mine.equal(theirs) for mine, theirs in pairs), name


def test_recipes_are_counted_too() -> None:
    from bnnaudit.zoo.train.recipes import build_network
    from bnnaudit.zoo.train.tables import ArchitectureTable, Recipe

    table = ArchitectureTable(name="mlp", options={"hidden": [40_000, 40_000]})
    with pytest.raises(SettingsError, match="parameters, more than"):
        build_network(Recipe.model_construct(architecture=table))
