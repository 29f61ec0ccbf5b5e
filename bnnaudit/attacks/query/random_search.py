"""Random search: points of the ball that owe nothing to one another, the plainest attack without a gradient.

Every other point is drawn uniformly from the ball, the rest from its extremes: corners, every pixel at plus or minus the
radius, for L-inf; the sphere for L2. All are clipped to the box. Since no draw depends on an earlier one, as many draws of an
image go through the network at once as a batch has room for; what comes out is as if they went one by one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import as_stored
from bnnaudit.attacks.rounds import Round, rounds_of
from bnnaudit.core.attack import RandomSearch
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.numerics.losses import margin
from bnnaudit.numerics.randomness import normal_block, uniform_block

NUMBERS = 2**14
"""Random numbers that are drawn for an image at a time. Not tuned."""


def attack(settings: RandomSearch, context: Context, batch: Batch) -> Outcome:
    """`settings.queries` points for each image in each restart, the first success kept, else the point of smallest margin.

    `fooled_at` counts the queries before the success; those after it that went through in the same pass are not counted.
    """
    best, forwards = BestSoFar.blank(batch), 0
    for each in rounds_of(settings, context, batch, best, None, settings.queries):
        forwards += _restart(settings, context, batch, each, best)
    return best.outcome(Cost(forwards=forwards))


def draw(threat: Threat, seed: int, ids: list[int], restart: int, block: int, features: int) -> Tensor:
    """(M, Q, features) perturbations of the unit ball, interior and extreme ones by turns; Q is even."""
    pairs = max(1, NUMBERS // features // 2)
    size = (2 * pairs, features)
    if threat.norm is Norm.LINF:
        cube = uniform_block(seed, ids, restart, block, size) * 2 - 1
        cube[:, 1::2] = torch.where(cube[:, 1::2] < 0, -1.0, 1.0)
        return cube
    directions = normal_block(seed, ids, restart, block, size)
    lengths = uniform_block(seed, ids, restart, block, (2 * pairs, 1)) ** (1 / features)
    lengths[:, 1::2] = 1
    norms: Tensor = torch.linalg.vector_norm(directions, dim=2, keepdim=True)
    return directions * (lengths / norms)


def _restart(settings: RandomSearch, context: Context, batch: Batch, each: Round, best: BestSoFar) -> int:
    """One restart, whose results go into the best; how many queries that took."""
    rows, queries, features = each.rows, settings.queries, each.batch.images[0].numel()
    block, asked, forwards = 0, 0, 0
    while asked < queries and len(rows):
        ids = batch.ids[rows].tolist()
        draws = draw(context.threat, context.seed, ids, each.index, block, features)[:, : queries - asked]
        block, used = block + 1, 0
        while used < draws.shape[1] and len(rows):
            room = max(1, context.batch_size // len(rows))
            some = draws[:, used : used + room].to(rows.device)
            taken = _ask(context, batch, best, rows, some, asked + used)
            used += some.shape[1]
            forwards += int(taken.sum())
            stay = ~best.fooled[rows]
            spared = queries - asked - used
            rest = int((some.shape[1] - taken).sum()) + int((~stay).sum()) * spared
            context.on_progress(int(taken.sum()) + rest)
            rows, draws = rows[stay], draws[stay.cpu()]
        asked += used
    return forwards


def _ask(context: Context, batch: Batch, best: BestSoFar, rows: Tensor, draws: Tensor, before: int) -> Tensor:
    """Puts draws (M, Q, features) of the images `rows` through the network; queries (M,) up to the first success."""
    origins, box = batch.images[rows], context.threat.box
    count, each = draws.shape[:2]
    shifts = draws.view(count, each, *origins.shape[1:]) * context.threat.radius
    drawn = (origins[:, None] + shifts).clamp(box.low, box.high).flatten(0, 1)
    flat = as_stored(drawn, origins.repeat_interleave(each, dim=0), context.threat)
    logits, points = context.judged(flat), flat.view(count, each, *origins.shape[1:])
    labels = batch.labels[rows].repeat_interleave(each)
    standing = (logits.argmax(dim=1) == labels).view(count, each)
    margins = margin(logits, labels).float().view(count, each)
    for query in range(each):
        best.note(rows, points[:, query], margins[:, query], standing[:, query], before + query, onward=False)
    return torch.where(standing.all(dim=1), each, (~standing).int().argmax(dim=1) + 1)
