"""How many images go through the network at once: as many as memory has room for, and no more than pays."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from bnnaudit.core.target import Target

MEMORY_FACTS = Path("/proc/meminfo")
MOST = {"cpu": 256, "cuda": 2048}
"""Images beyond which a larger batch is no quicker."""
BYTES = 512 * 2**20
"""Of activations at a time on the CPU, at most, and never more than `SHARE` of what is free."""
SHARE = 0.25
OVERHEAD = 1.5
"""What a pass takes over what it keeps for the way back: gradients on their way, values that nothing keeps."""


def fitting_batch(target: Target, images: Tensor) -> int:
    """The batch size for attacks on the target; images (N, ...), N >= 1, are of the sample.

    On the CPU it depends on the model alone unless memory is short, so that a run can be repeated to the bit.
    """
    most = MOST["cpu" if target.device.type == "cpu" else "cuda"]
    return max(1, min(most, room(target.device) // max(1, bytes_per_image(target, images))))


def bytes_per_image(target: Target, images: Tensor) -> int:
    """Memory that an image takes in a forward and a backward pass, by what the network keeps for the way back."""
    kept: dict[int, int] = {}
    weights = {tensor.untyped_storage().data_ptr() for tensor in target.network.parameters()}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    points = images[:2].to(target.device).detach().clone().requires_grad_()
    with torch.enable_grad(), saved_tensors_hooks(note, lambda tensor: tensor):
        logits = target.logits(points)
    del logits
    return int(OVERHEAD * (sum(kept.values()) / len(points) + points[0].numel() * points.element_size()))


def room(device: torch.device) -> int:
    """Bytes that the activations of a batch may take on the device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * 2 * SHARE)
    free = free_memory()
    return BYTES if free is None else min(BYTES, int(free * SHARE))


def free_memory() -> int | None:
    """Bytes of main memory that can be had without swapping; None where the system does not tell (Linux does)."""
    try:
        lines = MEMORY_FACTS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return found[0] if found else None
