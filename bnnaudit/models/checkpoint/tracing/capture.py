"""Records what a network computes: the graph of the operators that run, below autograd and whatever Python says.

The bodies of hand-written autograd functions, parts under `torch.no_grad` and everything behind a `detach` are recorded like
the rest; what is done in place is recorded as a new value. The graph takes any number of images.
"""

from __future__ import annotations

import operator
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from bnnaudit.core.errors import one_line
from bnnaudit.models.checkpoint.replay import copied
from bnnaudit.models.checkpoint.tracing.fake_quantization import standing_in
from bnnaudit.quantization.step_hooks import followed

NOTES = "custom"
"""The entry of a node's meta that the recorder copies to every node it makes; it holds the module's path under `PATH`."""
PATH = "module_path"


PRIMES = (97, 89, 83, 79, 73)
"""Numbers of images to record with: no product of other sizes is one of them."""
NUMBERS = frozenset(
    getattr(torch.Tensor, name) for name in ("item", "tolist", "__bool__", "__float__", "__int__", "__index__")
)
"""How code reads the numbers of a tensor, to branch on them."""
REASONS = {
    "data-dependent": "its control flow depends on the numbers in the image",
    "value out of a tracing tensor": "its control flow depends on the numbers in the image",
    ".numpy()": "it leaves PyTorch for NumPy",
}
"""What errors of the recorder mean, by words in them."""


class CaptureMode(StrEnum):
    """How a network is recorded, the first that works being the best.

    prime batch: on values without numbers, for a prime number of images, which is replaced by the size of the batch wherever
    it occurs. symbolic batch: for a number that is a symbol; slower by far, but right where the code divides it. in place: as
    prime batch, with in-place operators recorded as such, for parts that torch compiles or transforms by itself. fixed batch:
    on the numbers of a batch, for its size alone; a branch that the code takes for this batch is taken for all.
    """

    PRIME_BATCH = "prime batch"
    SYMBOLIC_BATCH = "symbolic batch"
    IN_PLACE = "in place"
    FIXED_BATCH = "fixed batch"


class CaptureError(Exception):
    """The network cannot be recorded; the message says why."""


def capture(network: nn.Module, inputs: Tensor, way: CaptureMode = CaptureMode.PRIME_BATCH) -> fx.GraphModule:
    """The network (in eval mode) as a graph over inputs (N, *input_shape); the network itself is left as it was.

    Recorded without gradients, as a served network runs. Raises CaptureError where its control flow depends on the
    numbers in the image, where it leaves torch, or where it raises anything itself.
    """
    twin = copied(network)
    try:
        with warnings.catch_warnings(), torch.no_grad(), _uncompiled():
            warnings.simplefilter("ignore")
            return _recorded(twin, inputs.detach(), way)
    except Exception as error:  # the network is the user's code, and the recorder is torch's
        known = next((reason for words, reason in REASONS.items() if words in str(error)), None)
        raise CaptureError(known or f"{type(error).__name__}: {one_line(error, 200).rstrip('.')}") from error


def _recorded(network: nn.Module, inputs: Tensor, way: CaptureMode) -> fx.GraphModule:
    # Imported here: they take most of a second, and few commands need them.
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch._subclasses.functional_tensor import FunctionalTensorMode, dispatch_functionalize
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, StatelessSymbolicContext

    example, images = inputs, _prime_batch(network, inputs)
    numberless: AbstractContextManager[Any] = nullcontext()
    if way is not CaptureMode.FIXED_BATCH:
        sizes = [DimDynamic.DYNAMIC, *[DimDynamic.STATIC] * (inputs.dim() - 1)]
        symbols = ShapeEnv() if way is CaptureMode.SYMBOLIC_BATCH else None
        fake = FakeTensorMode(shape_env=symbols, allow_non_fake_inputs=True)
        many = inputs.new_empty(images, *inputs.shape[1:])
        context: Any = StatelessSymbolicContext(dynamic_sizes=sizes) if symbols else None
        example = fake.from_tensor(many, symbolic_context=context)
        if symbols:  # tensors that the code makes of the number of images alone have no numbers either
            numberless = fake

    def run(values: Tensor) -> Tensor:
        with _Constants():
            result: Tensor = network(values)
        return result

    functional: Callable[[Tensor], Tensor] = dispatch_functionalize(
        run, FunctionalTensorMode(pre_dispatch=True, export=True)
    )
    recorder = make_fx(
        run if way is CaptureMode.IN_PLACE else functional,
        tracing_mode="real",
        _allow_non_fake_inputs=True,
        pre_dispatch=True,
    )
    with fx.traceback.preserve_node_meta(), _paths_noted(network), numberless:
        recorded = recorder(example)
    if way is not CaptureMode.FIXED_BATCH:
        _open_batch(recorded, images)
    return recorded


def _prime_batch(network: nn.Module, inputs: Tensor) -> int:
    """A number of images that is no other size in the network, so that it is recognised where it occurs."""
    known = {size for tensor in (inputs[0], *network.state_dict().values()) for size in tensor.shape}
    return next((number for number in PRIMES if number not in known), PRIMES[0])


def _open_batch(recorded: fx.GraphModule, images: int) -> None:
    """Puts the size of the batch where that of the recording was written down, or a multiple of it."""
    (given,) = (node for node in recorded.graph.nodes if node.op == "placeholder")
    with recorded.graph.inserting_after(given):
        size = recorded.graph.call_function(torch.ops.aten.sym_size.int, (given, 0))

    def opened(argument: int) -> object:
        if type(argument) is not int or argument <= 0 or argument % images:
            return argument
        if argument == images:
            return size
        with recorded.graph.inserting_after(size):
            return recorded.graph.call_function(operator.mul, (size, argument // images))

    for node in list(recorded.graph.nodes):
        if node.op == "call_function" and node is not size:
            node.args = pytree.tree_map_only(int, opened, node.args)
            node.kwargs = pytree.tree_map_only(int, opened, node.kwargs)
    recorded.graph.eliminate_dead_code()
    recorded.recompile()


@contextmanager
def _uncompiled() -> Iterator[None]:
    """Runs compiled parts as the code that they were compiled from."""
    dynamo = sys.modules.get("torch._dynamo")
    if dynamo is None:
        yield
        return
    with dynamo.config.patch(error_on_nested_fx_trace=False), torch.compiler.set_stance("force_eager"):
        yield


class _Constants(TorchFunctionMode):
    """Computes at once what does not depend on the image, so that only what does is recorded."""

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if not any(_is_recorded(leaf) for leaf in pytree.tree_leaves((args, named))):
            return _computed(func, args, named)
        if func in NUMBERS and len(args) == 1 and (number := _numbers_of(args[0])) is not None:
            return _computed(func, (number,), named)
        if func == torch.Tensor.data.__set__:  # type: ignore[attr-defined]
            return args[0].copy_(args[1])
        stand_in = standing_in(func)
        if stand_in is None:
            return func(*args, **named)
        with self:
            return stand_in(*args, **named)


def _numbers_of(values: Tensor) -> Tensor | None:
    """The numbers of a tensor that is recorded with its numbers; None where it has none."""
    from torch._subclasses.fake_tensor import FakeTensor
    from torch._subclasses.functional_tensor import FunctionalTensor

    if isinstance(values, FunctionalTensor):
        torch._sync(values)  # type: ignore[attr-defined, no-untyped-call]
        values = torch._from_functional_tensor(values.elem)
    return None if isinstance(values, FakeTensor) else values.detach()


def _is_recorded(leaf: object) -> bool:
    from torch._subclasses.fake_tensor import FakeTensor
    from torch._subclasses.functional_tensor import FunctionalTensor

    if isinstance(leaf, torch.Size):
        return any(_is_recorded(size) for size in leaf)
    return isinstance(leaf, FakeTensor | FunctionalTensor | torch.SymInt | torch.SymFloat | torch.SymBool)


def _computed(func: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]) -> Any:
    from torch._subclasses.fake_tensor import unset_fake_temporarily
    from torch._subclasses.functional_tensor import disable_functional_mode
    from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing

    with disable_functional_mode(), disable_proxy_modes_tracing(), unset_fake_temporarily():
        return func(*args, **named)


@contextmanager
def _paths_noted(network: nn.Module) -> Iterator[None]:
    """Every node gets the name of the innermost module that was running when it was made."""
    path: list[str] = []

    def note() -> None:
        fx.traceback.current_meta[NOTES] = {PATH: path[-1] if path else ""}

    try:
        with followed(network, path, note):
            yield
    finally:
        fx.traceback.current_meta.pop(NOTES, None)
