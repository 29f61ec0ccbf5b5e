"""The binarization test: is an attack strong enough to find an adversarial image that is known to exist?

[Zimmermann et al. 2022], by their description. For one image at a time the last layer is replaced by a
two-class head that tells points inside the ball from one point on its surface; that point is adversarial by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from bnnaudit.attacks.geometry import as_stored
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import AttackSettings, Auto, Beta, BetaRule, Budget, Method
from bnnaudit.core.batch import Batch
from bnnaudit.core.effort import Effort
from bnnaudit.core.facts import OutputKind
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.probing import BinarizationTest
from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm
from bnnaudit.measurements.last_layer import TwoClassHead, features_at, last_affine_layer
from bnnaudit.models.score_tensor.network import unjudged
from bnnaudit.numerics.norms import flat_norm, project_l2, scale_each
from bnnaudit.numerics.randomness import normal_block, uniform_block
from bnnaudit.quantization.zero_gradient import attached_network

IMAGES = {Effort.QUICK: 0, Effort.STANDARD: 8, Effort.THOROUGH: 100}
MOST_IMAGES = {Effort.QUICK: 0, Effort.STANDARD: 40, Effort.THOROUGH: 100}
"""Where `auto` has missed too many of the first images for chance to be excluded, and too few for it to be plain."""
MOST_INNER = 999
"""Points inside the ball where the features allow it, as in the paper."""
INNER_SHARE = 0.95
"""Of the radius: how far the inner points reach."""
TIGHTNESS = 0.5
"""Where the threshold stands between -1, the nearest inner point, and +1, the planted one."""
RANDOM_POINTS = 200
"""Of each of three kinds: in the ball, on its surface, in its corners."""
AUTO_BUDGET = 100
FIT_STEPS = 300
"""Of the projected gradient that fits a head. Not tuned."""
STREAM = 2000
"""First of the random streams of an image that are used here."""
RANDOM_NAME = "random search"


def binarization_images(plan: AuditPlan) -> int:
    """Images that are tested, more of them where they leave the strength of `auto` open."""
    return IMAGES[plan.effort]


def attacks_tested(plan: AuditPlan) -> tuple[tuple[str, AttackSettings], ...]:
    """The ordinary attack, the same with a temperature and a surrogate that follows the layers' scale, and auto."""
    adaptive = Surrogate.usual(SurrogateKind.TRIANGULAR) if plan.quantized else plan.ordinary.surrogate
    scaled = replace(plan.ordinary, beta=Beta(BetaRule.HNS), surrogate=adaptive)
    auto = Auto(budget=Budget(AUTO_BUDGET))
    return (plan.ordinary.name, plan.ordinary), (scaled.name, scaled), (str(Method.AUTO), auto)


def measure_binarization(
    target: Target,
    batch: Batch,
    plan: AuditPlan,
    is_settled: Callable[[int, Mapping[str, int]], bool],
    on_image: Callable[[], None] | None = None,
) -> BinarizationTest:
    """Tests on the first images of `batch`, all classified correctly. Raises NoLastLayerError where no layer can be replaced.

    Goes on past the effort's number, up to MOST_IMAGES, until `is_settled`, which is told the images tested and how many of
    them each attack has found.
    """
    chosen = batch.select(slice(0, MOST_IMAGES[plan.effort]))
    # The head takes the place of the scores, whatever judges them.
    target = replace(target, network=unjudged(target.network))
    layer = last_affine_layer(target, chosen.select(slice(0, 4)))
    with torch.no_grad():
        width = features_at(target.network, layer, target.prepare(chosen.images[:1])).shape[1]
    inner = min(MOST_INNER, max(1, width // 2))
    attacks = attacks_tested(plan)
    found = dict.fromkeys([*(name for name, _ in attacks), RANDOM_NAME], 0)
    fitted = tested = 0
    for index in range(len(chosen)):
        if index >= binarization_images(plan) and is_settled(fitted, found):
            break
        tested += 1
        planted = plant(target, layer, chosen.select(slice(index, index + 1)), plan, inner)
        if planted is not None:
            fitted += 1
            for name, settings in attacks:
                outcome = run_attack(settings, *planted, plan.threat, plan.seed)
                found[name] += int(bool(outcome.fooled[0]))
            found[RANDOM_NAME] += random_finds(*planted, plan)
        if on_image:
            on_image()
    return BinarizationTest(fitted, inner, width, tested - fitted, found)


def plant(target: Target, layer: str, image: Batch, plan: AuditPlan, inner: int) -> tuple[Target, Batch] | None:
    """The image under a two-class target, 0 inside the ball and 1 at a point on its surface; None where no head can tell them.

    The head separates the inner points (the image among them) from the one on the surface as widely as any linear one
    can; its threshold lies nearer to the latter and its scale is set to the image's own logits. It is checked by running
    it: float32 must answer 0 inside and 1 at the planted point.
    """
    inside = torch.cat([image.images, points_inside(image, plan, inner - 1)])
    planted = surface_points(image, plan, 1, corners=plan.threat.norm is Norm.LINF, stream=STREAM + 1)
    if plan.threat.grid is not None:
        # An attack may only find what an image can be.
        planted = as_stored(planted, image.images, plan.threat)
    with torch.no_grad():
        everything = torch.cat([inside, planted])
        features = features_at(target.network, layer, target.prepare(everything)).double()
        gap = target.logits(image.images).topk(2, dim=1).values
    solution = fit_head(features)
    if solution is None:
        return None
    weight, bias = solution
    scale = float(gap[0, 0] - gap[0, 1]) / 2 / (1 + TIGHTNESS)
    head = TwoClassHead(target.network, layer, weight * scale, (bias - TIGHTNESS) * scale)
    facts = replace(target.facts, num_classes=2, output=OutputKind.LOGITS)
    # Features of a part that is cut off from autograd have no gradient; that no attack finds the point is an answer, no fault.
    network = attached_network(head, target.prepare(image.images))
    two_class = replace(target, network=network, facts=facts)
    with torch.no_grad():
        answers = two_class.logits(everything).argmax(dim=1)
    if bool(answers[:-1].any()) or not bool(answers[-1]):
        return None
    return two_class, Batch(image.images, torch.zeros_like(image.labels), image.ids)


def fit_head(features: Tensor) -> tuple[Tensor, Tensor] | None:
    """The widest separation of the last row of (M, F) from the others: weight (F,) and bias (), +1 there and at most -1 else.

    Its direction is from the nearest point of the others' convex hull to that row, found by accelerated projected gradients
    over the hull's weights. None where the row lies in the hull, or so near that double precision cannot tell.
    """
    others = features[:-1] - features[-1]
    size = others.abs().amax().clamp_min(1e-30)
    gram = (others / size) @ (others / size).T
    step = 1 / float(torch.linalg.matrix_norm(gram, ord=2).clamp_min(1e-30))
    weights = torch.full_like(gram[0], 1 / len(gram))
    ahead, momentum = weights, 1.0
    for _ in range(FIT_STEPS):
        following = project_simplex(ahead - step * (gram @ ahead))
        faster = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = following + (momentum - 1) / faster * (following - weights)
        weights, momentum = following, faster
    direction = -(weights @ others)
    nearest = float((others @ direction).amax())
    if nearest >= -1e-12 * float(size) ** 2:
        return None
    weight = direction * (2 / -nearest)
    return weight, 1 - weight @ features[-1]


def project_simplex(values: Tensor) -> Tensor:
    """The nearest point (M,) with no negative entry and a sum of 1 ([Duchi et al. 2008])."""
    ordered = values.sort(descending=True).values
    excess = (ordered.cumsum(0) - 1) / torch.arange(1, len(values) + 1, dtype=values.dtype, device=values.device)
    last = int((ordered > excess).nonzero()[-1])
    return (values - excess[last]).clamp_min(0.0)


def points_inside(
    image: Batch, plan: AuditPlan, count: int, share: float = INNER_SHARE, stream: int = STREAM
) -> Tensor:
    """Points drawn uniformly within such a share of the radius (count, ...), clipped to the box."""
    threat, cube = replace(plan.threat, eps=share * plan.threat.eps), _uniform(image, plan, count, stream)
    if threat.norm is Norm.LINF:
        return (image.images + cube * threat.radius).clamp(threat.box.low, threat.box.high)
    directions = _normal(image, plan, count, stream)
    lengths = ((cube.flatten(1)[:, 0] + 1) / 2).clamp(0, 1) ** (1 / plan.features)
    shift = scale_each(directions, lengths * threat.radius / flat_norm(directions).clamp_min(1e-30))
    return (image.images + shift).clamp(threat.box.low, threat.box.high)


def surface_points(image: Batch, plan: AuditPlan, count: int, corners: bool, stream: int) -> Tensor:
    """Points at the full radius (count, ...): corners of the L-inf ball, or directions drawn uniformly."""
    threat = plan.threat
    if threat.norm is Norm.L2:
        directions = _normal(image, plan, count, stream)
        shift = scale_each(directions, threat.radius / flat_norm(directions).clamp_min(1e-30))
        return project_l2(
            image.images + shift, image.images.expand_as(shift), threat.radius, threat.box.low, threat.box.high
        )
    shift = _uniform(image, plan, count, stream)
    shift = shift.sign() if corners else scale_each(shift, 1 / shift.flatten(1).abs().amax(dim=1).clamp_min(1e-30))
    return (image.images + shift * threat.radius).clamp(threat.box.low, threat.box.high)


def random_finds(target: Target, image: Batch, plan: AuditPlan) -> bool:
    """Whether one of 600 random points of the ball is answered 1."""
    ball = points_inside(image, plan, RANDOM_POINTS, share=1.0, stream=STREAM + 2)
    surface = surface_points(image, plan, RANDOM_POINTS, corners=False, stream=STREAM + 3)
    corners = surface_points(image, plan, RANDOM_POINTS, corners=True, stream=STREAM + 4)
    with torch.no_grad():
        return bool(target.logits(torch.cat([ball, surface, corners])).argmax(dim=1).any())


def _uniform(image: Batch, plan: AuditPlan, count: int, stream: int) -> Tensor:
    """(count, ...) uniform in [-1, 1)."""
    shape = (count, *image.images.shape[1:])
    return uniform_block(plan.seed, image.ids.tolist(), stream, 0, shape)[0].to(image.images) * 2 - 1


def _normal(image: Batch, plan: AuditPlan, count: int, stream: int) -> Tensor:
    """(count, ...) standard normal."""
    shape = (count, *image.images.shape[1:])
    return normal_block(plan.seed, image.ids.tolist(), stream, 0, shape)[0].to(image.images)
