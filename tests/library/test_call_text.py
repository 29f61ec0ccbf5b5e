"""The call as a report shows it."""

from pathlib import Path

import numpy as np
from torch import nn

from bnnaudit.library.call_text import call_text
from bnnaudit.models.checkpoint.module import GivenModule


def test_paths_are_told_and_objects_named() -> None:
    assert call_text("f", Path("a b.onnx"), None) == "f('a b.onnx')"
    assert call_text("f", Path("m.onnx"), np.zeros(3), eps=0.1, seed=None) == "f('m.onnx', <ndarray>, eps=0.1)"
    assert call_text("f", GivenModule(nn.Identity(), "net"), "x.npz", threat=("l2", 0.5)) == (
        "f(<net>, 'x.npz', threat=('l2', 0.5))"
    )


def test_long_ones_are_cut() -> None:
    assert len(call_text("f", Path("m.onnx"), "x" * 10_000)) < 100
