"""onnx2torch without torchvision, which it loads for two operators of detectors: 1.3 s of processor time of a start's 3 s."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from importlib import import_module
from types import ModuleType

from torch import Tensor, nn

PACKAGE = "onnx2torch.node_converters"
LATER = ("nms", "roialign")
"""Its modules that import torchvision. The operator of the first, NonMaxSuppression, is declined: it has no gradient."""
NEEDED_BY = {"RoiAlign": "roialign"}


def load_onnx2torch(operators: Iterable[str]) -> ModuleType:
    """The table of its converters, those included that the operators of a graph need; doing it again changes nothing."""
    if "onnx2torch" not in sys.modules:
        _load_without(LATER)
    with warnings.catch_warnings():
        # torchvision scripts functions as it is imported.
        warnings.filterwarnings("ignore", message=r".*torch\.jit.*", category=DeprecationWarning)
        for module in {NEEDED_BY[op] for op in operators if op in NEEDED_BY}:
            import_module(f"{PACKAGE}.{module}")
    # Its own counts what it holds, one by one, for every tensor that is added.
    import_module("onnx2torch.converter").InitializersContainer = _Container  # type: ignore[attr-defined]
    return import_module(f"{PACKAGE}.registry")


class _Container(nn.Module):
    """What onnx2torch holds a network's stored tensors in."""

    def add_initializer(self, name: str, initializer: Tensor) -> None:
        """Holds one more."""
        self.register_buffer(name, initializer)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The tensors, of which there are as many as names; by its base it would look for repeated ones each time."""
        return iter(tensor for tensor in self._buffers.values() if tensor is not None)


def _load_without(modules: Iterable[str]) -> None:
    """Imports the package with nothing in the place of some of its modules, which can be imported afterwards."""
    empty = {f"{PACKAGE}.{name}": _nothing(f"{PACKAGE}.{name}") for name in modules}
    absent = {name: module for name, module in empty.items() if name not in sys.modules}
    sys.modules.update(absent)
    try:
        import_module("onnx2torch")
    finally:
        for name in absent:
            del sys.modules[name]


def _nothing(name: str) -> ModuleType:
    """A module without a name to import."""
    module = ModuleType(name)
    module.__all__ = []  # type: ignore[attr-defined]
    return module
