"""Facts of a model that takes images of a given shape."""

from typing import Protocol

import pytest

from bnnaudit.core.facts import Layout, ModelFacts, ModelFormat
from bnnaudit.core.threat import Box

UNIT = Box()


class Facts(Protocol):
    def __call__(
        self, shape: tuple[int, ...], layout: Layout = Layout.NCHW, *, classes: int = 10, box: Box = UNIT
    ) -> ModelFacts: ...


@pytest.fixture
def facts() -> Facts:
    def build(
        shape: tuple[int, ...], layout: Layout = Layout.NCHW, *, classes: int = 10, box: Box = UNIT
    ) -> ModelFacts:
        return ModelFacts("model.onnx", "0" * 64, ModelFormat.ONNX, classes, shape, layout, box)

    return build
