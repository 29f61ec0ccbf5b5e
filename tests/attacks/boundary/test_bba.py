"""Brendel & Bethge's attack without Foolbox, and its starts; what it finds is held to the contract where Foolbox is there."""

import sys

import pytest
import torch

from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import BrendelBethge
from bnnaudit.core.errors import UsageError
from bnnaudit.core.threat import Norm, Threat
from tests.attacks.linear import BIAS, WEIGHTS, boundary_distance, linear_images
from tests.toy import batch_of, linear_target

BBA = BrendelBethge()


@pytest.mark.parametrize("missing", ["foolbox", "numba"])
def test_without_the_extra_one_line_says_what_to_install(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing == "numba":
        pytest.importorskip("foolbox", reason="needs the extra `foolbox`", exc_type=ImportError)
    monkeypatch.setitem(sys.modules, missing, None)
    target = linear_target(WEIGHTS, BIAS)
    with pytest.raises(UsageError, match=r"pip install 'bnnaudit\[foolbox\]'"):
        run_attack(BBA, target, batch_of(target, linear_images(4)), Threat(Norm.LINF, 0.1), seed=0)


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_linear_model_breaks_within_its_distance(norm: Norm) -> None:
    pytest.importorskip("foolbox", reason="needs the extra `foolbox`")
    pytest.importorskip("numba", reason="needs the extra `foolbox`")
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images())
    threat = Threat(norm, 0.04 if norm is Norm.LINF else 0.08)
    outcome = run_attack(BBA, target, batch, threat, seed=0)
    distance = boundary_distance(batch.images, norm)
    assert outcome.fooled[distance < 0.9 * threat.eps].all()
    assert not outcome.fooled[distance > threat.eps].any()
    assert 0 < outcome.fooled.sum() < len(batch)
    assert torch.equal(outcome.fooled, outcome.fooled_at >= 0)
