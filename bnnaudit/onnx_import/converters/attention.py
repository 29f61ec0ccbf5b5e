"""Attention and RotaryEmbedding, as transformers of the newest operator sets hold them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.graph.torch_types import carrier
from bnnaudit.onnx_import.operands import Operands, operands


@dataclass(frozen=True, slots=True)
class Rule:
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


class Attention(nn.Module):
    """Attention-23 to 25: softmax(scale Q K^T + mask) V, head by head; several query heads may share a key head.

    A row whose keys are all masked is zero. `tensors`: queries, keys, values, then mask, past keys, past values and
    the number of keys that are no padding, each of which may be missing.
    """

    def __init__(self, rule: Rule, outputs: int, tensors: Operands) -> None:
        super().__init__()
        self.rule = rule
        self.outputs = outputs
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Q (N, heads, L, E) or (N, L, heads E), K and V alike with S and their heads -> (N, heads, L, V's E) or alike."""
        rule = self.rule
        queries, keys, values, mask, past_keys, past_values, valid = self.tensors(*computed)
        flat = queries.dim() == 3
        if flat:
            queries = _by_heads(queries, rule.query_heads)
            keys, values = _by_heads(keys, rule.key_heads), _by_heads(values, rule.key_heads)
        past = 0 if past_keys is None else past_keys.shape[2]
        if past_keys is not None:
            keys, values = torch.cat([past_keys, keys], 2), torch.cat([past_values, values], 2)
        bias, blind = self._bias(queries, keys.shape[2], mask, past, valid)
        shares = queries.shape[1] // keys.shape[1]
        mixed, shown = self._mixed(
            queries, keys.repeat_interleave(shares, 1), values.repeat_interleave(shares, 1), bias, blind
        )
        if flat:
            mixed = mixed.transpose(1, 2).flatten(start_dim=2)
        return mixed if self.outputs == 1 else (mixed, keys, values, shown)[: self.outputs]

    def _mixed(
        self, queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None, blind: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The values mixed by the attention to their keys, and what the fourth output shows."""
        rule = self.rule
        kind = queries.dtype
        scale = math.sqrt(1 / math.sqrt(queries.shape[3]) if rule.scale is None else rule.scale)
        scores = (queries * scale) @ (keys * scale).transpose(2, 3)
        shown = [scores]
        if rule.softcap:
            scores = rule.softcap * torch.tanh(scores / rule.softcap)
        shown.append(scores)
        if bias is not None:
            scores = scores + bias
        shown.append(scores)
        scores = scores.to(rule.precision or kind)
        if blind is not None:
            # Not a number through and through without this, the gradient included.
            scores = torch.where(blind, torch.zeros_like(scores), scores)
        weights = torch.softmax(scores, dim=-1)
        if blind is not None:
            weights = torch.where(blind, torch.zeros_like(weights), weights)
        weights = weights.to(kind)
        shown.append(weights)
        return weights @ values, shown[rule.shown]

    def _bias(
        self, queries: Tensor, total: int, mask: Tensor | None, past: int, valid: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """What is added to the scores (broadcast to N x heads x L x S), and which rows (... x L x 1) see no key."""
        rule, length = self.rule, queries.shape[2]
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
        if rule.causal:
            allowed.append(places <= position)
        if rule.left >= 0:
            allowed.append(places >= position - rule.left)
        if rule.right >= 0:
            allowed.append(places <= position + rule.right)
        if valid is not None:
            allowed.append(places < valid.reshape(-1, 1, 1, 1))
        for part in allowed:
            closed = torch.zeros(part.shape, dtype=queries.dtype, device=queries.device)
            closed = closed.masked_fill(~part, -math.inf)
            bias = closed if bias is None else bias + closed
        return bias, None if bias is None else bias.detach().isneginf().all(dim=-1, keepdim=True)

    def extra_repr(self) -> str:
        """For people: the settings."""
        return f"{self.rule}"


class RotaryEmbedding(nn.Module):
    """RotaryEmbedding-23: pairs of features rotated by angles that grow with the position.

    A pair is two features side by side (`interleaved`) or one of each half; features after the first `width` (0: all)
    stay. tensors: values, cosines, sines and, where the latter two are tables, positions.
    """

    def __init__(self, heads: int, width: int, interleaved: bool, tensors: Operands) -> None:
        super().__init__()
        self.heads = heads
        self.width = width
        self.interleaved = interleaved
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """(N, heads, L, E) or (N, L, heads E) -> the same; cosines and sines (N, L, width / 2), or tables of rows."""
        values, cosines, sines, positions = self.tensors(*computed)
        flat = values.dim() == 3
        split = _by_heads(values, self.heads) if flat else values
        if positions is not None:
            cosines, sines = functional.embedding(positions, cosines), functional.embedding(positions, sines)
        cosines, sines = cosines.unsqueeze(1), sines.unsqueeze(1)
        width = self.width or split.shape[-1]
        turned, rest = split[..., :width], split[..., width:]
        if self.interleaved:
            first, second = turned[..., ::2], turned[..., 1::2]
        else:
            first, second = turned[..., : width // 2], turned[..., width // 2 :]
        pair = (cosines * first - sines * second, sines * first + cosines * second)
        turned = torch.stack(pair, dim=-1).flatten(start_dim=-2) if self.interleaved else torch.cat(pair, dim=-1)
        joined = torch.cat([turned, rest], dim=-1)
        return joined.transpose(1, 2).flatten(start_dim=2) if flat else joined


def _by_heads(values: Tensor, heads: int | None) -> Tensor:
    """(N, L, heads E) -> (N, heads, L, E)."""
    return values.reshape(*values.shape[:2], heads or 1, -1).transpose(1, 2)


def _attention(node: Node) -> Converted:
    precision = node.attribute("softmax_precision")
    rule = Rule(
        node.attribute("q_num_heads"),
        node.attribute("kv_num_heads"),
        node.attribute("scale"),
        bool(node.attribute("is_causal", 0)),
        float(node.attribute("softcap", 0.0)),
        None if precision is None else carrier(int(precision)),
        int(node.attribute("left_window_size", -1)),
        int(node.attribute("right_window_size", -1)),
        int(node.attribute("qk_matmul_output_mode", 0)),
    )
    if node.has_input(4) != node.has_input(5) or (node.has_input(4) and node.has_input(6)):
        raise NotImplementedError("past keys without past values, or together with a number of valid keys")
    if node.rank() == 3 and (rule.query_heads is None or rule.key_heads is None):
        raise NotImplementedError("inputs of three axes without q_num_heads and kv_num_heads")
    tensors, names = operands(node, *range(7))
    return Converted(Attention(rule, len(node.outputs), tensors), names)


def _rotary(node: Node) -> Converted:
    tensors, names = operands(node, *range(4))
    heads, width = int(node.attribute("num_heads", 0)), int(node.attribute("rotary_embedding_dim", 0))
    if node.rank() == 3 and not heads:
        raise NotImplementedError("an input of three axes without num_heads")
    return Converted(RotaryEmbedding(heads, width, bool(node.attribute("interleaved", 0)), tensors), names)


CONVERTERS: dict[str, Converter] = {"Attention": _attention, "RotaryEmbedding": _rotary}
