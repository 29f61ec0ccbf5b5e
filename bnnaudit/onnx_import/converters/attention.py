"""Attention and RotaryEmbedding, as transformers of the newest operator sets hold them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.torch_types import torch_type
from bnnaudit.onnx_import.operands import call, operands


@dataclass(frozen=True, slots=True)
class AttentionSettings:
    """An attention's settings; heads are given for inputs of three axes, windows of -1 are unbounded.

    shown: what the fourth output holds: the scores (0), capped (1), masked (2), or their softmax (3).
    """

    query_heads: int | None
    key_heads: int | None
    scale: float | None
    causal: bool
    softcap: float
    precision: torch.dtype | None
    left: int
    right: int
    shown: int


def attend(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None,
    past_keys: Tensor | None,
    past_values: Tensor | None,
    valid: Tensor | None,
    *,
    settings: AttentionSettings,
    outputs: int,
) -> Tensor | tuple[Tensor, ...]:
    """Q (N, heads, L, E) or (N, L, heads E), K and V alike with S and their heads -> (N, heads, L, V's E) or alike.

    Attention-23 to 25: softmax(scale Q K^T + mask) V, head by head; several query heads may share a key head. A row whose
    keys are all masked is zero. valid: the number of keys that are no padding.
    """
    flat = queries.dim() == 3
    if flat:
        queries = _by_heads(queries, settings.query_heads)
        keys, values = _by_heads(keys, settings.key_heads), _by_heads(values, settings.key_heads)
    past = 0 if past_keys is None else past_keys.shape[2]
    if past_keys is not None and past_values is not None:
        keys, values = torch.cat([past_keys, keys], 2), torch.cat([past_values, values], 2)
    bias, blind = _bias(settings, queries, keys.shape[2], mask, past, valid)
    shares = queries.shape[1] // keys.shape[1]
    mixed, shown = _mixed(
        settings, queries, keys.repeat_interleave(shares, 1), values.repeat_interleave(shares, 1), bias, blind
    )
    if flat:
        mixed = mixed.transpose(1, 2).flatten(start_dim=2)
    return mixed if outputs == 1 else (mixed, keys, values, shown)[:outputs]


def _mixed(
    settings: AttentionSettings,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    bias: Tensor | None,
    blind: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """The values mixed by the attention to their keys, and what the fourth output shows."""
    kind = queries.dtype
    scale = math.sqrt(1 / math.sqrt(queries.shape[3]) if settings.scale is None else settings.scale)
    scores = (queries * scale) @ (keys * scale).transpose(2, 3)
    capped = settings.softcap * torch.tanh(scores / settings.softcap) if settings.softcap else scores
    masked = capped if bias is None else capped + bias
    logits = masked.to(settings.precision or kind)
    if blind is not None:
        # Not a number through and through without this, the gradient included.
        logits = torch.where(blind, torch.zeros_like(logits), logits)
    weights = torch.softmax(logits, dim=-1)
    if blind is not None:
        weights = torch.where(blind, torch.zeros_like(weights), weights)
    weights = weights.to(kind)
    return weights @ values, (scores, capped, masked, weights)[settings.shown]


def _bias(
    settings: AttentionSettings, queries: Tensor, total: int, mask: Tensor | None, past: int, valid: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    """What is added to the scores (broadcast to N x heads x L x S), and which rows (... x L x 1) see no key."""
    length = queries.shape[2]
    allowed: list[Tensor] = []
    bias: Tensor | None = None
    if mask is not None:
        short = total - mask.shape[-1]
        if mask.dtype == torch.bool:
            allowed.append(functional.pad(mask.to(torch.uint8), (0, short)).bool())
        else:
            bias = functional.pad(mask, (0, short), value=-math.inf)
    places = torch.arange(total, device=queries.device)
    offset = torch.tensor(past, device=queries.device) if valid is None else valid.reshape(-1, 1, 1, 1) - length
    position = torch.arange(length, device=queries.device)[:, None] + offset
    if settings.causal:
        allowed.append(places <= position)
    if settings.left >= 0:
        allowed.append(places >= position - settings.left)
    if settings.right >= 0:
        allowed.append(places <= position + settings.right)
    if valid is not None:
        allowed.append(places < valid.reshape(-1, 1, 1, 1))
    for part in allowed:
        closed = torch.zeros(part.shape, dtype=queries.dtype, device=queries.device)
        closed = closed.masked_fill(~part, -math.inf)
        bias = closed if bias is None else bias + closed
    return bias, None if bias is None else bias.detach().isneginf().all(dim=-1, keepdim=True)


def rotate(
    values: Tensor,
    cosines: Tensor,
    sines: Tensor,
    positions: Tensor | None,
    *,
    heads: int,
    width: int,
    interleaved: bool,
) -> Tensor:
    """(N, heads, L, E) or (N, L, heads E) -> the same; cosines and sines (N, L, width / 2), or tables of rows.

    RotaryEmbedding-23: pairs of features rotated by angles that grow with the position. A pair is two features side by
    side (`interleaved`) or one of each half; features after the first `width` (0: all) stay.
    """
    flat = values.dim() == 3
    split = _by_heads(values, heads) if flat else values
    if positions is not None:
        cosines, sines = functional.embedding(positions, cosines), functional.embedding(positions, sines)
    cosines, sines = cosines.unsqueeze(1), sines.unsqueeze(1)
    width = width or split.shape[-1]
    turned, rest = split[..., :width], split[..., width:]
    if interleaved:
        first, second = turned[..., ::2], turned[..., 1::2]
    else:
        first, second = turned[..., : width // 2], turned[..., width // 2 :]
    pair = (cosines * first - sines * second, sines * first + cosines * second)
    turned = torch.stack(pair, dim=-1).flatten(start_dim=-2) if interleaved else torch.cat(pair, dim=-1)
    joined = torch.cat([turned, rest], dim=-1)
    return joined.transpose(1, 2).flatten(start_dim=2) if flat else joined


def _by_heads(values: Tensor, heads: int | None) -> Tensor:
    """(N, L, heads E) -> (N, heads, L, E)."""
    return values.reshape(*values.shape[:2], heads or 1, -1).transpose(1, 2)


def attention(node: Node) -> Converted:
    """Attention."""
    precision = node.attribute("softmax_precision")
    settings = AttentionSettings(
        node.attribute("q_num_heads"),
        node.attribute("kv_num_heads"),
        node.attribute("scale"),
        node.flag("is_causal"),
        float(node.attribute("softcap", 0.0)),
        None if precision is None else torch_type(int(precision)),
        int(node.attribute("left_window_size", -1)),
        int(node.attribute("right_window_size", -1)),
        int(node.attribute("qk_matmul_output_mode", 0)),
    )
    if node.has_input(4) != node.has_input(5) or (node.has_input(4) and node.has_input(6)):
        raise NotImplementedError("past keys without past values, or together with a number of valid keys")
    if node.rank() == 3 and (settings.query_heads is None or settings.key_heads is None):
        raise NotImplementedError("inputs of three axes without q_num_heads and kv_num_heads")
    return call(attend, (), operands(node, *range(7)), settings=settings, outputs=len(node.outputs))


def rotary_embedding(node: Node) -> Converted:
    """RotaryEmbedding."""
    heads, width = int(node.attribute("num_heads", 0)), int(node.attribute("rotary_embedding_dim", 0))
    if node.rank() == 3 and not heads:
        raise NotImplementedError("an input of three axes without num_heads")
    given = operands(node, *range(4))
    return call(rotate, (), given, heads=heads, width=width, interleaved=node.flag("interleaved"))
