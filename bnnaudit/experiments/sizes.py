"""How large the attacks on a network are: as Table 6 has them for the paper's data, elsewhere in the same proportions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bnnaudit.core.threat import Norm, length_text
from bnnaudit.experiments.networks import data_name
from bnnaudit.experiments.paper import AttackSize, paper

FGSM, LINF, L2 = "fgsm", "pgd", "pgd l2"
PATTERN = "CIFAR-10"
"""The data whose settings others follow."""
PATTERN_NUMBERS = 3 * 32 * 32
"""Values in one of its images."""


@dataclass(frozen=True, slots=True)
class AttackSizes:
    """Radius, step and steps by attack. from_paper: whether they are those of Table 6."""

    of: dict[str, AttackSize]
    from_paper: bool

    def words(self, norms: Collection[str]) -> str:
        """`L-inf 8/255, step 2/255, 20 steps; L2 120/255, step 15/255, 20 steps` of these norms, and where they are from."""
        names = {LINF: ("L-inf", Norm.LINF), L2: ("L2", Norm.L2)}
        words = [
            f"{name} {_short(size.eps)}, step {_short(size.step)}, {size.steps} steps"
            for key, (name, norm) in names.items()
            for size in [self.of[key]]
            if norm in norms
        ]
        if not words:
            return ""
        return "; ".join(words) + (" (Table 6)" if self.from_paper else " (in the proportions of Table 6)")


def _short(length: float) -> str:
    """As lengths are written, but with three digits where that takes more."""
    text = length_text(length)
    return text if "/" in text else f"{length:.3g}"


def attack_sizes(data: str, norm: Norm, eps: float, numbers: int, given: bool = False) -> AttackSizes:
    """The sizes for a network on `data`, under the threat of its card.

    eps: in units of the [0,1] image. numbers: values of one image, C H W. given: whether the radius was asked for, so that it
    comes before the paper's. A radius in one norm is converted into the other so that both have the ratio that they have in the
    paper, relative to the diagonal of an image.
    """
    sizes = paper().sizes
    own = {attack: size for (name, attack), size in sizes.items() if data_name(name) == data_name(data)}
    if own and not given:
        return AttackSizes(own, from_paper=True)
    pattern = own or {attack: size for (name, attack), size in sizes.items() if name == PATTERN}
    diagonal = (numbers / PATTERN_NUMBERS) ** 0.5
    linf_to_l2 = pattern[L2].eps / pattern[LINF].eps * diagonal
    linf = eps if norm is Norm.LINF else eps / linf_to_l2
    radii = {FGSM: linf, LINF: linf, L2: linf * linf_to_l2 if norm is Norm.LINF else eps}
    found = {
        attack: AttackSize(radii[attack], size.step * radii[attack] / size.eps, size.steps)
        for attack, size in pattern.items()
    }
    return AttackSizes(found, from_paper=False)
