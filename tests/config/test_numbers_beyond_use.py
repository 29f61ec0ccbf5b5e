"""Numbers in settings that no audit can compute with, or not to an end, are refused by name."""

from pathlib import Path

import pytest

from bnnaudit.config.card import MOST_PROBLEMS, settings_for
from bnnaudit.config.settings import Settings
from bnnaudit.core.errors import SettingsError, UsageError
from bnnaudit.core.sweep import MOST_VALUES, Parameter, parse_values


def read(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    return settings_for(tmp_path / "m.onnx", Settings(), tmp_path)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[preprocessing]\ninput_range = [0, 1e39]", "preprocessing.input_range"),
        ("[preprocessing]\ninput_range = [-inf, inf]", "preprocessing.input_range"),
        ("[preprocessing]\ninput_range = [nan, 1]", "preprocessing.input_range"),
        ("[preprocessing]\ninput_range = [0, 1e-40]", "preprocessing.input_range"),
        ("[preprocessing]\ninput_range = [1e9, 1000000001]", "preprocessing.input_range"),
        ("[preprocessing]\nmean = 1e39", "preprocessing.mean"),
        ("[preprocessing]\nstd = [1, 1e39, 1]", "preprocessing.std"),
        ("[preprocessing]\nstd = 1e-46", "preprocessing.std"),
        ("[threat]\neps = 1e300", "threat.eps"),
        ("[threat]\neps = '1e999px'", "threat.eps"),
        ("[attack]\nstep_size = 1e39", "attack.step_size"),
        ("[attack]\nbeta = 1e39", "attack.beta"),
        ("[attack]\nbeta = 1e-40", "attack.beta"),
        ("[attack]\nsurrogate = 'tanh:1e39'", "attack.surrogate"),
        ("[attack]\nsurrogate = 'tanh:4..1e-40'", "attack.surrogate"),
        ("[attack]\nsteps = 1000000000", "attack.steps"),
        ("[attack]\nrestarts = 2147483647", "attack.restarts"),
        ("[attack]\nqueries = 2147483647", "attack.queries"),
        ("[attack]\nsteps = 10000\nrestarts = 1000", "steps times restarts"),
        ("[attack]\nbudget = 2147483647", "attack.budget"),
        ("[attack]\nbudget = '1e300s'", "attack.budget"),
        ("[run]\nbatch_size = 1000000000000000000000000000000", "run.batch_size"),
        ("[data]\nsamples = 1000000000000000000000000000000", "data.samples"),
        (f"[data]\nsamples = {'9' * 5000}", "not valid TOML"),
        ("[[policy.threats]]\nnorm = 'linf'\neps = 0.1\n" * 101, "policy.threats"),
    ],
)
def test_a_number_that_cannot_be_used_is_named(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(SettingsError, match=key) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_usual_numbers_are_taken(tmp_path: Path) -> None:
    text = "[preprocessing]\ninput_range = [-128, 127]\nmean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]\n"
    text += "[attack]\nsteps = 1000\nrestarts = 100\nqueries = 100000\nbudget = 5000\nbeta = 0.001\n[run]\nbatch_size = 4096\n"
    settings = read(tmp_path, text)
    assert (settings.attack.steps, settings.attack.restarts, settings.run.batch_size) == (1000, 100, 4096)


def test_thousands_of_unknown_keys_are_a_few_problems(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, "".join(f"k{number} = 1\n" for number in range(40_000)))
    assert str(caught.value).count("unknown key") == MOST_PROBLEMS
    assert "and 39,980 more" in str(caught.value)


def test_long_keys_and_values_are_cut(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, f"{'k' * 100_000} = 1\n[data]\nsamples = '{'x' * 100_000}'\n")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("key", ["data]\nsource", "data]\nroot", "substitute]\nmodel"])
def test_a_home_that_nobody_has(tmp_path: Path, key: str) -> None:
    settings = read(tmp_path, f"[{key} = '~nosuchuser/x'")
    found = settings.data.source or settings.data.root or settings.substitute.model
    assert str(found) == str(tmp_path / "~nosuchuser" / "x")


def test_sweeps_keep_to_the_same_limits() -> None:
    for parameter, text in (("restarts", "1,1000000000"), ("iterations", "99999999"), ("beta", "1e39")):
        with pytest.raises(UsageError, match="more than"):
            parse_values(Parameter(parameter), text)
    with pytest.raises(UsageError, match="of them"):
        parse_values(Parameter.RADIUS, ",".join(f"{number}/255" for number in range(MOST_VALUES + 1)))
