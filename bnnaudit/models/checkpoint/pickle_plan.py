"""What a pickle would have its reader build, followed without building any of it.

`torch.load` with `weights_only=True` calls no function but a few, yet a few hundred bytes can keep it busy for ever: a tuple
that holds the last one twice, forty times over, is small in memory, but whoever takes its hash goes through 2**40 entries; one
inside the other ten thousand times ends the process. So the instructions are read beforehand, each once, and what holds what is
kept as a graph of numbers.
"""

from __future__ import annotations

import _compat_pickle
import pickletools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from bnnaudit.core.file_limits import KEY_ENTRIES, PICKLE_DEPTH, PICKLE_INSTRUCTIONS, TUPLE_ENTRIES

RENAMED: Mapping[tuple[str, str], tuple[str, str]] = _compat_pickle.NAME_MAPPING
MOVED: Mapping[str, str] = _compat_pickle.IMPORT_MAPPING
"""Names of Python 2, which the protocol of weights uses: `__builtin__.set`."""
NOTHING: tuple[()] = ()
LEAVES = frozenset(
    {
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "BININT",
        "BININT1",
        "BININT2",
        "BINFLOAT",
        "LONG1",
        "BINUNICODE",
        "SHORT_BINSTRING",
    }
)
EMPTY = {"EMPTY_TUPLE": "tuple", "EMPTY_LIST": "list", "EMPTY_DICT": "dict", "EMPTY_SET": "set"}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}

HASHING = frozenset({"builtins.set", "collections.Counter", "collections.OrderedDict"})
"""What takes the hash of everything that it is called with."""
ORDINARY = frozenset(
    {
        *HASHING,
        "_codecs.encode",
        "builtins.complex",
        "torch.Size",
        "torch.device",
        "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout",
        "torch.storage.TypedStorage",
        "torch.storage.UntypedStorage",
        "torch._tensor._rebuild_from_type_v2",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_parameter_with_state",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_tensor_v3",
    }
)
"""What weights in memory need, beside the types of numbers and of storages."""
NAMED_ONLY = frozenset({"torch.Tensor"})
"""Named as the type of a tensor that has attributes, but not called: that would make a tensor of any size."""
TENSORS = frozenset(name for name in ORDINARY if ".Parameter" in name or "_rebuild_" in name)
REFUSED = {
    "sparse": "a sparse tensor",
    "meta": "a tensor on the meta device, which holds no values",
    "nested": "a nested tensor",
    "wrapper_subclass": "a tensor of another library's type",
    "device_tensor": "a tensor of a device that this machine does not have",
}
"""Kinds of tensors by parts of the functions that rebuild them."""
QUANTIZED = "torch._utils._rebuild_qtensor"
REBUILDERS = ("torch._utils._rebuild", "torch.sparse", "torch.cuda.sparse", "torch.nested")
TYPE = re.compile(
    r"torch\.((cuda\.)?[A-Z]\w*Storage|b?(float|complex|u?int|bfloat|bits|bcomplex|bool)\w*|q\w*int\w*|per_\w+)"
)
"""Types of numbers, of storages, and of quantization."""


MOST_COUNTED = 2**53
"""Entries of a tuple up to which they are counted, where those of the tuples in it may double at each level."""


class RefusedPickleError(Exception):
    """A pickle that is not given to any reader."""


class BrokenPickleError(RefusedPickleError):
    """What is no pickle, or one that was damaged."""


class QuantizedPickleError(RefusedPickleError):
    """A pickle with a tensor that PyTorch itself quantized."""


class ForeignNameError(RefusedPickleError):
    """A pickle that names a function or class which weights do not need."""

    def __init__(self, name: str) -> None:
        super().__init__(f"it needs {name[:80]}, which plain weights do not")
        self.name = name


def _counted(entries: int) -> str:
    """Entries of a tuple in words."""
    return f"{entries:,} entries" if entries < MOST_COUNTED else "more than 10^15 entries"


@dataclass(slots=True)
class PicklePlan:
    """What a pickle asks for.

    storages: (key, type, number of values) of each storage that its tensors lie in. complete: whether all of it could be
    followed; torch's own reader does not know an instruction where it is not.
    """

    storages: list[tuple[object, str, int]] = field(default_factory=list)
    complete: bool = False


def plan_of(stream: IO[bytes], added: Collection[str] = ()) -> PicklePlan:
    """Follows one pickle, from where the stream is to its end.

    added: names of functions and classes beyond the usual ones that a caller of the library lets torch call. Raises
    ForeignNameError for others, RefusedPickleError for a pickle that is broken, or that would build what is too deep, too large
    or holds itself, or tensors other than dense ones.
    """
    reader = _Reader(added)
    try:
        for number, (code, value, _) in enumerate(pickletools.genops(stream)):
            if PICKLE_INSTRUCTIONS.exceeded_by(number + 1):
                raise RefusedPickleError(PICKLE_INSTRUCTIONS.refused("its instructions go on"))
            if not reader.follow(code.name, value):
                break
    except (RefusedPickleError, MemoryError):
        raise
    except Exception as error:  # a broken pickle may take from an empty stack, or name what was never kept
        raise BrokenPickleError("its instructions do not fit together") from error
    reader.judge()
    return reader.plan


class _Reader:
    """A stack of numbers, each of which stands for a value that would be built."""

    def __init__(self, added: Collection[str]) -> None:
        self.added = added
        self.plan = PicklePlan()
        self.kinds: list[str] = []
        self.values: list[object] = []
        self.holds: list[list[int] | tuple[()]] = []
        self.keys: list[int] = []
        self.stack: list[int] = []
        self.below: list[list[int]] = []
        self.memo: dict[int, int] = {}

    def follow(self, code: str, value: object) -> bool:
        """One instruction; False after the last one, or at one that torch does not know."""
        if code in LEAVES:
            self._push("leaf", value, NOTHING)
        elif code in EMPTY:
            self._push(EMPTY[code])
        elif code in TUPLES:
            self._push("tuple", holds=self._taken(TUPLES[code]))
        elif code in ("BINPUT", "LONG_BINPUT"):
            self.memo[int(str(value))] = self.stack[-1]
        elif code in ("BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[int(str(value))])
        elif code == "GLOBAL":
            module, _, name = str(value).partition(" ")
            self._name(".".join(RENAMED.get((module, name), (MOVED.get(module, module), name))))
        elif code == "STOP":
            self.plan.complete = True
            self.stack.pop()
            return False
        else:
            return self._combine(code)
        return True

    def _combine(self, code: str) -> bool:
        """An instruction that makes one value of several."""
        match code:
            case "MARK":
                self.below.append(self.stack)
                self.stack = []
            case "TUPLE":
                self._push("tuple", holds=self._marked())
            case "APPEND" | "BUILD":
                self._add(self._taken(1))
            case "APPENDS":
                self._add(self._marked())
            case "SETITEM" | "SETITEMS":
                self._set(self._taken(2) if code == "SETITEM" else self._marked())
            case "REDUCE" | "NEWOBJ":
                self._call(*self._taken(2))
            case "BINPERSID":
                self._storage(*self._taken(1))
            case _:
                return code == "PROTO"
        return True

    def _push(self, kind: str, value: object = None, holds: list[int] | tuple[()] | None = None) -> None:
        self.kinds.append(kind)
        self.values.append(value)
        self.holds.append([] if holds is None else holds)
        self.stack.append(len(self.kinds) - 1)

    def _taken(self, count: int) -> list[int]:
        if len(self.stack) < count:
            raise IndexError
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    def _marked(self) -> list[int]:
        taken = self.stack
        self.stack = self.below.pop()
        return taken

    def _add(self, items: Iterable[int]) -> None:
        holder = self.holds[self.stack[-1]]
        if isinstance(holder, tuple):
            raise BrokenPickleError("it puts values into what holds none")
        holder.extend(items)

    def _set(self, items: Sequence[int]) -> None:
        self.keys += items[::2]
        self._add(items)

    def _name(self, name: str) -> None:
        """A function or class."""
        self._push("name", name)
        if name == QUANTIZED:
            raise QuantizedPickleError(name)
        for part, what in REFUSED.items():
            if name.startswith(REBUILDERS) and part in name:
                raise RefusedPickleError(f"it holds {what}; only dense tensors can be audited")
        if name not in ORDINARY | NAMED_ONLY and name not in self.added and not TYPE.fullmatch(name):
            raise ForeignNameError(name)

    def _call(self, function: int, arguments: int) -> None:
        name = str(self.values[function]) if self.kinds[function] == "name" else ""
        if name not in ORDINARY and name not in self.added:
            raise RefusedPickleError(f"it calls {name or 'what is no function'}, which weights do not need")
        if name in HASHING:
            self._require_plain_keys(arguments)
        if name == "torch._tensor._rebuild_from_type_v2":
            inner = self.holds[arguments][:1]
            if not inner or self.values[inner[0]] not in TENSORS:
                raise RefusedPickleError("it holds a tensor of a type that is not PyTorch's own")
        self._push("call", holds=[arguments])

    def _require_plain_keys(self, arguments: int) -> None:
        """What is hashed has to be numbers or text: alone, or first in a pair."""
        for given in self.holds[arguments]:
            for entry in self.holds[given]:
                pair = self.holds[entry] if self.kinds[entry] in ("tuple", "list") else ()
                if self.kinds[pair[0] if pair else entry] != "leaf":
                    raise RefusedPickleError("it has keys that are neither numbers nor text")

    def _storage(self, described: int) -> None:
        """('storage', type, key, place, number of values, ...): where the values of tensors lie."""
        parts = self.holds[described]
        word, kind, key, _, count = (self.values[part] for part in parts[:5])
        if word not in ("storage", b"storage") or not isinstance(count, int) or count < 0:
            raise BrokenPickleError("it asks for what is no storage")
        self.plan.storages.append((key, str(kind), count))
        self._push("leaf", None, NOTHING)

    def judge(self) -> None:
        """Raises RefusedPickleError for what holds too much, or itself."""
        sizes = self._sizes()
        for key in self.keys:
            if KEY_ENTRIES.exceeded_by(sizes[key]):
                counted = f"it has tuples of tuples as keys, whose hash takes {_counted(sizes[key])}"
                raise RefusedPickleError(KEY_ENTRIES.refused(counted))
        for size in sizes:
            if TUPLE_ENTRIES.exceeded_by(size):
                raise RefusedPickleError(TUPLE_ENTRIES.refused(f"it has tuples within tuples of {_counted(size)}"))

    def _sizes(self) -> list[int]:
        """Of each value the entries that its hash would go through, at most `MOST_COUNTED`."""
        depth = [int(kind == "leaf") for kind in self.kinds]
        sizes = depth.copy()
        entered = bytearray(len(self.kinds))
        for start in range(len(self.kinds)):
            path = [start]
            while path:
                value = path[-1]
                if depth[value]:
                    path.pop()
                elif not entered[value]:
                    entered[value] = 1
                    for held in self.holds[value]:
                        if entered[held] and not depth[held]:
                            raise RefusedPickleError("it has values that hold themselves")
                        if not depth[held]:
                            path.append(held)
                else:
                    path.pop()
                    depth[value] = 1 + max((depth[held] for held in self.holds[value]), default=0)
                    if PICKLE_DEPTH.exceeded_by(depth[value]):
                        raise RefusedPickleError(
                            PICKLE_DEPTH.refused(
                                f"it has values inside one another, {depth[value]} {PICKLE_DEPTH.unit} deep"
                            )
                        )
                    hashed = self.holds[value] if self.kinds[value] in ("tuple", "call") else ()
                    sizes[value] = min(1 + sum(sizes[held] for held in hashed), MOST_COUNTED)
        return sizes
