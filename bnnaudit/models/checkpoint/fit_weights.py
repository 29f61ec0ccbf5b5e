"""Loads weights into a network of the same shape, or names everything that does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from bnnaudit.core.errors import CheckpointError, listed
from bnnaudit.models.checkpoint.torch_quantized import hint_for_unknown

PREFIXES = ("module.", "model.", "_orig_mod.", "net.", "network.")
COUNTER = "num_batches_tracked"


@torch.no_grad()
def fit_weights(weights: Mapping[str, Tensor], network: nn.Module, where: str) -> None:
    """Loads weights into the network, in its own dtype; prefixes that wrappers add to every name are taken off first.

    The batch counters of normalisation layers may be missing, for they play no part once training is over. Raises one
    CheckpointError that names every missing, unknown or mis-shaped tensor.
    """
    wanted: dict[str, Tensor] = network.state_dict()
    held = without_prefixes(weights, wanted)
    unknown = [name for name in held if name not in wanted]
    found = {
        "missing": [name for name in wanted if name not in held and not name.endswith(COUNTER)],
        "unknown": unknown,
        "of another shape": [
            f"{name} is {_shape(held[name])}, not {_shape(wanted[name])}"
            for name in wanted
            if name in held and not is_lazy(wanted[name]) and held[name].shape != wanted[name].shape
        ],
        "complex": [name for name in held if held[name].is_complex()],
    }
    problems = [f"{title}: {listed(names)}" for title, names in found.items() if names]
    if problems:
        raise CheckpointError(
            f"{where}: does not fit the architecture {type(network).__name__}: {'; '.join(problems)}; correct the architecture "
            f"or its options{hint_for_unknown(unknown)}"
        )
    network.load_state_dict(
        {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in held.items()}, strict=False
    )


def without_prefixes(weights: Mapping[str, Tensor], wanted: Iterable[str]) -> dict[str, Tensor]:
    """The weights less the prefixes that every name has and the architecture's own names do not all have."""
    names, own = dict(weights), list(wanted)
    while names.keys() != set(own):
        common = (
            prefix
            for prefix in PREFIXES
            if all(name.startswith(prefix) for name in names) and not all(name.startswith(prefix) for name in own)
        )
        prefix = next(common, None)
        if prefix is None:
            break
        names = {name.removeprefix(prefix): tensor for name, tensor in names.items()}
    return names


def _shape(tensor: Tensor) -> str:
    return "x".join(str(length) for length in tensor.shape) or "a single number"
