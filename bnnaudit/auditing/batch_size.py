"""How many images go through the network at once: as many as fit into memory and make it faster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from bnnaudit.core.errors import ModelError
from bnnaudit.core.file_limits import KEPT_FOR_BACKWARD
from bnnaudit.core.target import Target

MEMORY_FACTS = Path("/proc/meminfo")
MOST = {"cpu": 256, "cuda": 2048}
"""Largest batch; a larger one is no faster. Not tuned."""
BYTES = 512 * 2**20
"""Largest size of a batch's activations on the CPU, which also take at most `SHARE` of the free memory. Not tuned."""
SHARE = 0.25
"""Share of the free memory that a batch's activations may take. Not tuned."""
FLOAT = 4
"""Bytes of a number of an image."""
OVERHEAD = 1.5
"""Factor for what a pass needs beyond the values kept for its backward pass. Not tuned."""


def fitting_batch(target: Target, images: Tensor) -> int:
    """The batch size for attacks on the target; images (N, ...), N >= 1, are of the sample.

    On the CPU it depends on the model alone unless memory is short, so that a run can be repeated to the bit.
    """
    most = MOST["cpu" if target.device.type == "cpu" else "cuda"]
    return max(1, min(most, room(target.device) // max(1, bytes_per_image(target, images))))


def bytes_per_image(target: Target, images: Tensor) -> int:
    """Memory that an image takes in a forward and a backward pass, by what the network keeps for the way back."""
    points = images[:2]
    return int(OVERHEAD * (_kept(target, points, lambda _: None) / len(points) + points[0].numel() * FLOAT))


def require_room(target: Target, image: Tensor) -> None:
    """Raises ModelError where the network keeps more of one image (1, ...) for its gradient than a file may cost."""

    def look(kept: int) -> None:
        if KEPT_FOR_BACKWARD.exceeded_by(kept):
            raise ModelError(
                f"{target.facts.path}: for the gradient of one image it keeps {KEPT_FOR_BACKWARD.refusal(kept)}"
            )

    _kept(target, image, look)


def _kept(target: Target, images: Tensor, look: Callable[[int], None]) -> int:
    """Bytes that the network keeps of images (N, ...) for their gradient; look: is told them as they grow."""
    kept: dict[int, int] = {}
    total = 0
    weights = {tensor.untyped_storage().data_ptr() for tensor in target.network.parameters()}

    def note(tensor: Tensor) -> Tensor:
        nonlocal total
        storage = tensor.untyped_storage()
        place, size = storage.data_ptr(), storage.nbytes()
        if place not in weights:
            total += size - kept.get(place, 0)
            kept[place] = size
            look(total)
        return tensor

    points = images.to(target.device).detach().clone().requires_grad_()
    with torch.enable_grad(), saved_tensors_hooks(note, lambda tensor: tensor):
        target.logits(points)
    return total


def room(device: torch.device) -> int:
    """Bytes that the activations of a batch may take on the device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * 2 * SHARE)
    free = free_memory()
    return BYTES if free is None else min(BYTES, int(free * SHARE))


def free_memory() -> int | None:
    """Bytes of main memory available without swapping; None where the system does not say (Linux does)."""
    try:
        lines = MEMORY_FACTS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return found[0] if found else None
