import pytest
import torch
from torch import nn

from bnnaudit.core.errors import UsageError
from bnnaudit.zoo.train.arithmetic import Arithmetic, Prepared
from bnnaudit.zoo.train.tables import TrainingTable


def arithmetic(**table: object) -> Arithmetic:
    return Arithmetic.of(TrainingTable.model_validate({"epochs": 1, **table}))


class Seen(nn.Module):
    """Keeps what it was given, and multiplies it by a matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(4, 2))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        self.seen = values
        self.product = values.flatten(1) @ self.weight
        return self.product


@pytest.mark.parametrize(
    ("precision", "dtype", "inside"),
    [
        ("float64", torch.float64, torch.float64),
        ("float32", torch.float32, torch.float32),
        ("bfloat16", torch.float32, torch.bfloat16),
    ],
)
def test_in_what_it_computes(precision: str, dtype: torch.dtype, inside: torch.dtype) -> None:
    made = arithmetic(precision=precision)
    network = Seen().to(dtype)
    images = made.images(torch.rand(3, 4, 1, 1))
    scores = Prepared(network, made, (0.5,), (0.2,))(images)
    assert (images.dtype, network.product.dtype, scores.dtype) == (dtype, inside, dtype)
    torch.testing.assert_close(network.seen, (images - 0.5) / 0.2)


def test_only_the_exact_one_keeps_the_usual_order_in_memory() -> None:
    for precision, last in (("float64", False), ("bfloat16", True)):
        made = arithmetic(precision=precision)
        images = made.images(torch.rand(2, 3, 4, 4))
        assert images.is_contiguous(memory_format=torch.channels_last) is last
        placed = made.placed(nn.Conv2d(3, 5, 3))
        assert placed.weight.is_contiguous(memory_format=torch.channels_last) is last  # type: ignore[union-attr, operator]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there() -> None:
    assert arithmetic(device="auto").device.type == "cpu"
    with pytest.raises(UsageError, match="cuda is not there"):
        arithmetic(device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_that_is_there() -> None:
    assert arithmetic(device="auto", precision="bfloat16").device.type == "cuda"
