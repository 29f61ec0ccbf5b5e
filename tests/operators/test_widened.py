"""A newer version that shares a converter must mean the same: its definition may differ in types only."""

import pytest
from onnx import defs

from bnnaudit.operators import register
from bnnaudit.operators.widened import WIDENED

# What a newer version may add, because it changes nothing for the values that our import supports.
HARMLESS = {
    "Cast": {"saturate", "round_mode"},  # casts to 8-bit floats, which onnx2torch refuses
    "BatchNormalization": {"spatial"},  # gone since 9; other than 1 nowhere in use
}

PAIRS = [(op, base, version) for op, (base, versions) in WIDENED.items() for version in versions]


def meaning(op: str, version: int) -> tuple[set[str], list[str], list[str]]:
    schema = defs.get_schema(op, version)
    assert schema.since_version == version, "the table names versions that exist"
    attributes = set(schema.attributes) - HARMLESS.get(op, set())
    return attributes, [entry.name for entry in schema.inputs], [entry.name for entry in schema.outputs]


@pytest.mark.parametrize(("op", "base", "version"), PAIRS)
def test_same_attributes_inputs_and_outputs(op: str, base: int, version: int) -> None:
    assert meaning(op, version) == meaning(op, base)


@pytest.mark.parametrize(("op", "base", "version"), PAIRS)
def test_the_converter_is_shared(op: str, base: int, version: int) -> None:
    register()
    from onnx2torch.node_converters import get_converter

    assert get_converter(op, version) is get_converter(op, base)
