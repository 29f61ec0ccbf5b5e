"""Pickles that would hang or crash their reader are told from weights without being read by it."""

import io
import time
from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from torch import nn

from bnnaudit.core.file_limits import PICKLE_DEPTH
from bnnaudit.models.checkpoint.pickle_plan import (
    ForeignNameError,
    QuantizedPickleError,
    RefusedPickleError,
    plan_of,
)
from tests.models.checkpoint.hostile_pickles import HOSTILE, ORDERED, PROTOCOL, doubling


def pickled(stored: object) -> io.BytesIO:
    """The pickle of what torch.save writes."""
    buffer = io.BytesIO()
    torch.save(stored, buffer)
    buffer.seek(0)
    return io.BytesIO(torch._C.PyTorchFileReader(buffer).get_record("data.pkl"))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_are_refused_in_seconds(name: str) -> None:
    start = time.process_time()
    try:
        complete = plan_of(io.BytesIO(HOSTILE[name])).complete
    except RefusedPickleError:
        complete = False
    assert not complete
    assert time.process_time() - start < 20


def test_the_storages_that_a_state_dict_lies_in() -> None:
    plan = plan_of(pickled(nn.Linear(3, 2).state_dict()))
    assert plan.complete
    assert plan.storages == [("0", "torch.FloatStorage", 6), ("1", "torch.FloatStorage", 2)]


def test_what_else_a_checkpoint_may_hold() -> None:
    parameter = nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([parameter])
    parameter.sum().backward()
    optimizer.step()
    marked = torch.ones(2)
    marked.note = "mine"  # type: ignore[attr-defined]
    stored = {
        "state_dict": OrderedDict(weight=parameter, marked=marked),
        "optimizer": optimizer.state_dict(),
        "shape": torch.Size([3, 32, 32]),
        "betas": (0.9, (0.99, None)),
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "names": {"a", "b"},
        "bytes": b"\x00\xff",
        "flags": [True, 1.5, 2**70, -1],
    }
    assert plan_of(pickled(stored)).complete


def test_sharing_is_no_doubling() -> None:
    """A tensor that stands in several places, as tied weights do."""
    tied = torch.ones(3)
    assert plan_of(pickled({f"w{number}": tied for number in range(200)})).complete


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: torch.eye(3).to_sparse(), "sparse"),
        (lambda: torch.eye(3).to_sparse_csr(), "sparse"),
        (lambda: torch.empty(3, device="meta"), "meta"),
        (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "nested"),
    ],
    ids=["coo", "csr", "meta", "nested"],
)
@pytest.mark.filterwarnings("ignore")
def test_tensors_that_are_not_dense_are_named(make: Callable[[], torch.Tensor], kind: str) -> None:
    with pytest.raises(RefusedPickleError, match=f"holds a .*{kind}"):
        plan_of(pickled({"w": make()}))


@pytest.mark.filterwarnings("ignore")
def test_quantized_tensors_have_an_error_of_their_own() -> None:
    with pytest.raises(QuantizedPickleError):
        plan_of(pickled({"w": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)}))


def test_names_beyond_weights() -> None:
    code = io.BytesIO(PROTOCOL + b"cmine\nThing\n)R.")
    with pytest.raises(ForeignNameError, match=r"mine\.Thing"):
        plan_of(code)
    code.seek(0)
    assert plan_of(code, {"mine.Thing"}).complete


def test_the_depth_that_is_allowed() -> None:
    def nested(depth: int) -> io.BytesIO:
        return io.BytesIO(PROTOCOL + b"]" * depth + b"a" * (depth - 1) + b".")

    assert plan_of(nested(PICKLE_DEPTH.most)).complete
    with pytest.raises(RefusedPickleError, match="deep"):
        plan_of(nested(PICKLE_DEPTH.most + 1))


def test_lists_that_double_are_cheap_but_tuples_are_not() -> None:
    """Nobody takes the hash of a list, and 16 levels of tuples are within what weights may need."""
    assert plan_of(io.BytesIO(PROTOCOL + doubling(15) + b".")).complete
    with pytest.raises(RefusedPickleError, match="196,607 entries, more than 100,000 are refused"):
        plan_of(io.BytesIO(PROTOCOL + doubling(17) + b"."))
    assert plan_of(io.BytesIO(PROTOCOL + ORDERED + b")R.")).complete
