"""Which of the paper's networks a model is held against, and which tables it belongs to."""

from __future__ import annotations

import pytest

from bnnaudit.core.reproduction import Network, TableName, kind_of
from bnnaudit.experiments.networks import belongs, corresponds, counterpart, float_twin, nearest, unlike
from bnnaudit.experiments.paper import paper
from tests.experiments.models import facts

OURS = Network("resnet18", "CIFAR-10", "BNN-WQ", "md-tanh-s")
TABLES = paper().tables


@pytest.mark.parametrize(
    ("weights", "activations", "kind"),
    [
        (32, 32, "REF"),
        (32, None, "REF"),
        (1, 32, "BNN-WQ"),
        (1, 1, "BNN-WAQ"),
        (2, 4, None),
        (8, 8, None),
        (8, 32, None),
        (1, 4, None),
        (32, 1, None),
        (None, None, None),
    ],
)
def test_networks_are_named_by_their_bits(weights: int | None, activations: int | None, kind: str | None) -> None:
    assert kind_of(facts(weights, activations)) == kind


@pytest.mark.parametrize(
    ("network", "same"),
    [
        (OURS, True),
        (Network("ResNet-18", "cifar10", "BNN-WQ"), True),  # no binarizer said
        (Network("resnet18", "CIFAR-10 (JPEG copy)", "BNN-WQ", "MD-tanh-S", width=16), True),
        (Network("resnet18", "CIFAR-10", "BNN-WQ", "bc"), False),
        (Network("resnet18", "CIFAR-100", "BNN-WQ", "md-tanh-s"), False),
        (Network("resnet18", "CIFAR-10", "BNN-WQ", "md-tanh-s", adversarial=True), False),
        (Network("resnet50", "CIFAR-10", "BNN-WQ", "md-tanh-s"), False),
        (Network("resnet18", "CIFAR-10", "BNN-WAQ"), False),
        (Network("", "CIFAR-10", "BNN-WQ"), False),
        (Network("resnet18", "", "BNN-WQ"), False),
    ],
)
def test_a_network_corresponds_by_all_that_the_paper_says(network: Network, same: bool) -> None:
    papers = TABLES[TableName.TABLE1].networks[1].network
    assert papers == Network("ResNet-18", "CIFAR-10", "BNN-WQ", "md-tanh-s")
    assert corresponds(network, papers) is same


def test_what_the_paper_does_not_say_may_be_anything() -> None:
    table = TABLES[TableName.TABLE7]
    for kind in ("REF", "BNN-WQ", "8 bits"):
        assert counterpart(Network("resnet18", "CIFAR-10", kind), table) is table.networks[0]
    assert counterpart(Network("vgg16", "CIFAR-10", "REF"), table) is None


def test_differences_that_do_not_keep_the_figures_away_are_said() -> None:
    papers = TABLES[TableName.TABLE1].networks[1].network
    assert unlike(OURS, papers) == ()
    copy = Network("resnet18", "CIFAR-10 (JPEG copy)", "BNN-WQ", width=16)
    assert unlike(copy, papers) == ("its first layer has 16 channels", "its data are a JPEG copy")
    assert unlike(Network("resnet18", "CIFAR-10 (grey)", "BNN-WQ"), papers) == ("its data are CIFAR-10 (grey)",)


def test_the_nearest_is_of_the_same_kind_first() -> None:
    table = TABLES[TableName.TABLE5]
    for kind, adversarial in (("REF", False), ("REF", True), ("BNN-WQ", True), ("BNN-WAQ", False)):
        found = nearest(Network("cnn", "digits", kind, adversarial=adversarial), table)
        assert (found.kind, found.adversarial) == (kind, adversarial)
    assert nearest(Network("vgg16", "SVHN", "BNN-WQ"), TABLES[TableName.TABLE1]).architecture == "VGG-16"


@pytest.mark.parametrize(
    ("network", "names"),
    [
        (OURS, "1 2 5 7 8 11 12 13 14 f1 f3 f4 f5"),
        (Network("vgg16", "CIFAR-100", "REF"), "9"),
        (Network("cnn", "digits", "REF"), "1 3 5 7 8 9 12 13 14 f4 f5"),
        (Network("cnn", "digits", "REF", adversarial=True), "4 5 7 13 14"),
        (Network("cnn", "digits", "BNN-WQ", "bc", adversarial=True), "4 5 7 14"),
        (Network("mlp", "MNIST", "BNN-WAQ"), "1 3 5 7 8 10 11 12 13 f1 f2 f3 f4 f5"),
        (Network("cnn", "digits", "8 bits"), "7"),
    ],
)
def test_a_network_belongs_to_the_tables_about_its_like(network: Network, names: str) -> None:
    wanted = [f"figure{name[1:]}" if name.startswith("f") else f"table{name}" for name in names.split()]
    assert [str(name) for name in TableName if belongs(network, TABLES[name])] == wanted


def test_the_float_twin_has_the_same_architecture_and_data() -> None:
    others = [
        OURS,
        Network("resnet18", "CIFAR-10", "REF", adversarial=True),
        Network("resnet18", "CIFAR-10", "REF", width=16),
        Network("ResNet-18", "CIFAR-10", "REF"),
        Network("vgg16", "CIFAR-10", "REF"),
    ]
    assert float_twin(OURS, others) == 3
    assert float_twin(Network("resnet18", "CIFAR-10", "BNN-WAQ", width=16), others) == 2
    assert float_twin(Network("resnet18", "CIFAR-100", "BNN-WAQ"), others) is None
