"""The table of operator families."""

from __future__ import annotations

from collections import Counter

import pytest

from bnnaudit.core.errors import UnsupportedOperatorsError
from bnnaudit.onnx_import.importer import import_graph
from bnnaudit.onnx_import.operators import FAMILIES
from tests.onnx_import.building import model_of, node


def test_no_operator_is_in_two_families() -> None:
    counts = Counter(name for family in FAMILIES for name in family)
    assert [name for name, count in counts.items() if count > 1] == []


def test_operators_without_an_import_and_settings_without_one_are_named_together() -> None:
    """So that nobody mends one half of a file to be told of the other."""
    nodes = [node("Det", "x", "a"), node("LpPool", "a", "b", kernel_shape=[2, 2, 2, 2]), node("Relu", "b")]
    with pytest.raises(UnsupportedOperatorsError) as caught:
        import_graph(model_of(nodes, ["n", 3, 8, 8]))
    assert str(caught.value) == (
        "no differentiable import of: Det-11 (1x, first 'Det_a'); "
        "cannot be converted: LpPool 'LpPool_b': windows over 4 axes; one to three are supported"
    )
