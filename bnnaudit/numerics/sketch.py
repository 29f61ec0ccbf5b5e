"""The network's Jacobian through a few random products J w, whose cost does not grow with the number of classes.

For independent w with mean 0 and covariance I, w_i^T H w_j has mean square ||H||_F^2 for i != j, whatever the H: with
H = b^2 J^T S J it is b^2 (J w_i)^T S (J w_j), so k products are all that a search over b needs ([Hutchinson 1990]).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from bnnaudit.numerics.hessian_scaling import NormSquared

Result = TypeVar("Result")

DIRECTIONS = 4
"""k, the random directions. Not tuned."""
CELLS = 2**22
"""Numbers held at a time while a norm is computed; more temperatures than that allows are worked through in chunks. Not
tuned; it changes no result."""


def random_directions(count: int, shape: torch.Size | tuple[int, ...], like: Tensor) -> Tensor:
    """`count` vectors of independent signs (count, *shape), always the same ones.

    Every image gets the same directions: what is estimated for it depends neither on its company nor on the batch.
    """
    generator = np.random.Generator(np.random.Philox(key=[0, 0]))
    signs = generator.integers(0, 2, size=(count, *shape), dtype=np.int8) * 2 - 1
    return torch.from_numpy(signs).to(device=like.device, dtype=like.dtype)


def jacobian_sketch(network: Callable[[Tensor], Tensor], inputs: Tensor, directions: Tensor) -> Tensor:
    """J w at network inputs (M, ...) for each of k directions (k, ...): (M, d, k).

    The network's own values are computed once for all directions.
    """

    def along(direction: Tensor) -> Tensor:
        return _forward_mode(network, inputs, direction.expand_as(inputs))[1]

    def one_by_one() -> Tensor:
        return torch.stack([_twice_reverse(network, inputs, w.expand_as(inputs))[1] for w in directions], dim=2)

    return _or_else(lambda: torch.func.vmap(along, out_dims=2)(directions), one_by_one)


def jacobian_product(network: Callable[[Tensor], Tensor], inputs: Tensor, tangents: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (M, d) and J w (M, d) at inputs (M, ...) for a direction w of each image (M, ...)."""
    return _or_else(lambda: _forward_mode(network, inputs, tangents), lambda: _twice_reverse(network, inputs, tangents))


def _or_else(forward: Callable[[], Result], reverse: Callable[[], Result]) -> Result:
    """Forward mode, which keeps no graph; two reverse passes where a network's own function has no forward mode."""
    try:
        return forward()
    except torch.OutOfMemoryError:
        raise
    except (NotImplementedError, RuntimeError):
        return reverse()


def _forward_mode(network: Callable[[Tensor], Tensor], inputs: Tensor, tangents: Tensor) -> tuple[Tensor, Tensor]:
    # Steps pass nothing unless gradients are enabled; nothing here requires them, so no graph is kept.
    # The first use loads parts of torch that warn of torch's own deprecated TorchScript.
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`torch.jit", module=r"torch\b")
        pair = torch.func.jvp(network, (inputs.detach(),), (tangents,))
    return pair[0].detach(), pair[1].detach()


def _twice_reverse(network: Callable[[Tensor], Tensor], inputs: Tensor, tangents: Tensor) -> tuple[Tensor, Tensor]:
    """J w is the derivative of v -> J^T v along w, which is linear in v."""
    leaf = inputs.detach().requires_grad_()
    with torch.enable_grad():
        logits = network(leaf)
        seed = torch.zeros_like(logits, requires_grad=True)
        (gradient,) = torch.autograd.grad(logits, leaf, seed, create_graph=True)
        (product,) = torch.autograd.grad(gradient, seed, tangents, allow_unused=True)
    return logits.detach(), torch.zeros_like(logits) if product is None else product.detach()


def sketched_norm(logits: Tensor, sketch: Tensor) -> NormSquared:
    """An unbiased estimate of the piecewise-linear Hessian's squared norm, from logits (M, d) and J w (M, d, k), k >= 2."""
    exact, products = logits.double(), sketch.double()
    # S is blind to a shift of all rows: by the top one's, so that nothing cancels where p is almost 1.
    centred = products - products.gather(1, exact.argmax(dim=1).view(-1, 1, 1).expand(-1, 1, products.shape[2]))
    shifted = exact - exact.amax(dim=1, keepdim=True)
    count = products.shape[2]
    pairs = torch.triu_indices(count, count, 1, device=exact.device)
    between = centred[:, :, pairs[0]] * centred[:, :, pairs[1]]

    def norm(betas: Tensor) -> Tensor:
        size = max(1, CELLS // exact.numel())
        return torch.cat([part(some) for some in torch.split(betas, size, dim=1)], dim=1)

    def part(betas: Tensor) -> Tensor:
        p = torch.softmax(betas[:, :, None] * shifted[:, None, :], dim=2)
        means = p @ centred
        covariances = p @ between - means[:, :, pairs[0]] * means[:, :, pairs[1]]
        return betas**4 * covariances.square().mean(dim=2)

    return norm


def sketched_gradient_norm(signal: Tensor, sketch: Tensor) -> Tensor:
    """An estimate of ||J^T v||, v = `signal` (M, d), from J w (M, d, k): (M,)."""
    projected = (signal.double()[:, None, :] @ sketch.double()).squeeze(1)
    return projected.square().mean(dim=1).sqrt()
