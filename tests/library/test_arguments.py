"""Arguments as settings."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bnnaudit.core.errors import SettingsError, UsageError
from bnnaudit.core.policy import Decide, FailOn, Limits, Policy
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.library.arguments import Arguments, model_of, numbers, settle, whole
from bnnaudit.models.checkpoint.module import GivenModule


@pytest.mark.parametrize(
    ("threat", "norm", "eps"),
    [
        ("linf:8/255", Norm.LINF, 8 / 255),
        (" L2 : 120/255", Norm.L2, 120 / 255),
        ("8px", Norm.LINF, 8 / 255),
        (0.25, Norm.LINF, 0.25),
        (("l2", 0.5), Norm.L2, 0.5),
        ((Norm.L2, "0.5"), Norm.L2, 0.5),
        (Threat(Norm.L2, 0.5), Norm.L2, 0.5),
    ],
)
def test_threats(threat: Any, norm: Norm, eps: float) -> None:
    arguments = Arguments(None)
    arguments.put_threat(threat)
    settings = arguments.settled(GivenModule(nn.Identity(), "net"))
    assert (settings.threat.norm, settings.threat.eps) == (norm, eps)


def test_the_bits_of_a_threat_count_and_what_is_the_model_s_own_is_refused() -> None:
    arguments = Arguments(None)
    arguments.put_threat(Threat(Norm.LINF, 0.1, image_bits=8))
    assert arguments.tables["threat"]["image_bits"] == 8
    for other in (Threat(Norm.LINF, 0.1, Box(0, 255)), Threat(Norm.L2, 0.1, l2_per_channel=True)):
        with pytest.raises(UsageError, match="give norm, eps and image_bits only"):
            arguments.put_threat(other)


@pytest.mark.parametrize("threat", [True, (1, 2, 3), object()])
def test_what_is_no_threat(threat: Any) -> None:
    with pytest.raises(UsageError, match="is none of 'linf:8/255'"):
        Arguments(None).put_threat(threat)


def test_arguments_come_before_settings_and_leave_those_alone() -> None:
    given = {"data": {"samples": 5, "seed": 7}, "description": "mine"}
    arguments = Arguments(given)
    arguments.put("data", samples=9, seed=None)
    arguments.put("run", device=None)
    assert arguments.tables == {"data": {"samples": 9, "seed": 7}, "description": "mine"}
    assert given["data"] == {"samples": 5, "seed": 7}


def test_every_problem_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = Arguments({"audit": {"effort": "some"}, "polcy": {}})
    with pytest.raises(SettingsError, match=r"audit\.effort: 'some' .*; arguments: polcy: unknown key"):
        settle(Path("m.onnx"), arguments, None)


def test_a_policy_object_is_all_of_the_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bnnaudit.toml").write_text("[policy]\nmin_clean = 0.5\nfail_on = 'note'\n", encoding="utf-8")
    own = Policy(Limits(max_gap=0.1), decide=Decide.ESTIMATE)
    assert settle(Path("m.onnx"), Arguments(None), own).policy == own
    merged = settle(Path("m.onnx"), Arguments({"policy": {"max_gap": 0.1}}), None).policy
    assert merged == Policy(Limits(min_clean=0.5, max_gap=0.1), FailOn.NOTE)


def test_a_module_has_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where a card would be that of a file of this name; the project's own file holds."""
    monkeypatch.chdir(tmp_path)
    Path("net.toml").write_text("[data]\nseed = 3\n", encoding="utf-8")
    Path("bnnaudit.toml").write_text("[data]\nsamples = 8\n", encoding="utf-8")
    data = Arguments(None).settled(GivenModule(nn.Identity(), "net")).data
    assert (data.seed, data.samples) == (None, 8)
    assert Arguments(None).settled(Path("net.onnx")).data.seed == 3


def test_models() -> None:
    assert model_of("m.onnx", None) == Path("m.onnx")
    module = nn.Identity()
    given = model_of(module, None)
    assert isinstance(given, GivenModule)
    assert (given.module, str(given)) == (module, "Identity")
    assert str(model_of(module, "mine")) == "mine"


def test_numbers_of_other_libraries() -> None:
    assert [whole(value) for value in (None, 3, np.int32(3), torch.tensor(3))] == [None, 3, 3, 3]
    for values in ((0.5, 1), np.asarray([0.5, 1]), torch.tensor([0.5, 1]), [np.float32(0.5), Fraction(1)]):
        assert numbers(values) == [0.5, 1.0]
    assert numbers(0.25) == [0.25]
    assert numbers(None) is None
    with pytest.raises(UsageError, match=r"1\.5 is not a whole number"):
        whole(1.5)  # type: ignore[arg-type]
