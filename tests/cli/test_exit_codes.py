"""The exit code of `check` for each way in which an audit ends, through the real command line on small networks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from bnnaudit.core.exit_codes import PRECEDENCE, ExitCode
from tests.cli.conftest import Ran, write_model

Bnnaudit = Callable[..., Ran]
QUICK = ("--effort", "quick", "--samples", "40", "--eps", "0.3", "--substitute", "none")


Check = Callable[..., Ran]


@pytest.fixture
def check(bnnaudit: Bnnaudit, folder: Path) -> Check:
    """`check` with the cheapest audit that has a verdict, on the unlabelled images: the model's own answers are the truth."""
    return lambda *words: bnnaudit("check", "--data", "images.npz", *QUICK, *words)


def test_passed(check: Check) -> None:
    assert check("honest.onnx").code == ExitCode.PASSED


def test_findings(check: Check) -> None:
    assert check("fake.onnx").code == ExitCode.FAILED


def test_findings_that_do_not_count(check: Check) -> None:
    assert check("fake.onnx", "--fail-on", "never").code == ExitCode.PASSED
    assert check("honest.onnx", "--fail-on", "note").code == ExitCode.FAILED


def test_rules_that_are_selected_or_ignored(check: Check) -> None:
    assert check("fake.onnx", "--ignore", "FR3", "--ignore", "GM,SP,MF").code == ExitCode.PASSED
    assert check("fake.onnx", "--select", "MF,GM").code == ExitCode.PASSED
    assert check("fake.onnx", "--select", "FR").code == ExitCode.FAILED


@pytest.mark.parametrize("threshold", ["0.9", "90%", "90 %"])
def test_a_threshold_that_is_clearly_missed(check: Check, threshold: str) -> None:
    assert check("honest.onnx", "--min-verified", threshold).code == ExitCode.FAILED


def test_a_threshold_that_is_clearly_met(check: Check) -> None:
    words = ("honest.onnx", "--data", "right.npz", "--min-clean", "0.9", "--max-gap", "5%")
    assert check(*words).code == ExitCode.PASSED


def test_a_clean_accuracy_of_images_without_labels(check: Check) -> None:
    """The model's own answers stand in for the labels, and are all right: that meets no threshold."""
    ran = check("honest.onnx", "--min-clean", "0.1")
    assert ran.code == ExitCode.UNFINISHED
    assert "the data have no labels" in " ".join(ran.out.split())
    assert check("honest.onnx", "--min-clean", "0.1", "--decide", "estimate").code == ExitCode.UNFINISHED


def test_a_claim_that_is_not_met(check: Check, folder: Path) -> None:
    (folder / "honest.toml").write_text("[declared]\nadversarial_accuracy = 0.9\n")
    assert check("honest.onnx").code == ExitCode.FAILED


def test_a_threshold_within_the_interval(check: Check) -> None:
    """All of 40 images are right: 95 % confidence says from 91 %."""
    words = ("honest.onnx", "--data", "right.npz", "--min-clean", "0.95")
    assert check(*words).code == ExitCode.UNFINISHED
    assert check(*words, "--decide", "estimate").code == ExitCode.PASSED


def test_an_estimate_below_its_threshold(check: Check) -> None:
    """Nine in ten are right: 95 % confidence says up to 96 %."""
    words = ("honest.onnx", "--data", "labelled.npz", "--samples", "60", "--min-clean", "0.92")
    assert check(*words).code == ExitCode.UNFINISHED
    assert check(*words, "--decide", "estimate").code == ExitCode.FAILED


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("bnnaudit.toml", "[policy]\nmin_clean = 90\n"),
        ("bnnaudit.toml", "[policy]\nmin_verfied = 0.3\n"),
        ("honest.toml", "[policy]\nfail_on = 'never'\n"),
        ("pyproject.toml", "[tool.bnnaudit.policy]\nselect = 'FR'\n"),
        ("bnnaudit.toml", "[policy]\nrequire = ['no-such-check']\n"),
        (
            "bnnaudit.toml",
            "[[policy.waivers]]\nrule = 'XX999'\nreason = 'none'\nowner = 'nobody'\nexpires = 2100-01-01\n",
        ),
    ],
)
def test_a_bad_policy(check: Check, folder: Path, file: str, text: str) -> None:
    (folder / file).write_text(text)
    ran = check("honest.onnx")
    assert (ran.code, ran.out, ran.err.count("\n")) == (ExitCode.BAD_INPUT, "", 1)


@pytest.mark.parametrize(
    "flag", [("--min-clean", "90"), ("--select", "XX9"), ("--require", "nothing"), ("--ignore", ",")]
)
def test_a_bad_flag(check: Check, flag: tuple[str, str]) -> None:
    ran = check("honest.onnx", *flag)
    assert (ran.code, ran.out, ran.err.count("\n")) == (ExitCode.BAD_INPUT, "", 1)


def test_a_required_check_that_was_skipped(check: Check) -> None:
    """The quick effort leaves the transfer check out."""
    assert check("honest.onnx", "--require", "transfer").code == ExitCode.UNFINISHED
    assert check("honest.onnx", "--require", "claim").code == ExitCode.PASSED


def test_a_required_check_that_broke(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> object:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("bnnaudit.auditing.run.measure_climb", broken)
    assert check("honest.onnx").code == ExitCode.PASSED
    assert check("honest.onnx", "--require", "GM113").code == ExitCode.UNFINISHED


def interrupted(*arguments: object, **options: object) -> object:
    raise KeyboardInterrupt


def test_an_interruption_keeps_what_was_done(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bnnaudit.auditing.run.run_trial", interrupted)
    ran = check("honest.onnx")
    assert ran.code == ExitCode.UNFINISHED
    assert "interrupted" in ran.out


def test_an_interruption_before_there_is_anything(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bnnaudit.auditing.open.open_model_and_data", interrupted)
    ran = check("honest.onnx")
    assert (ran.code, ran.out) == (ExitCode.UNFINISHED, "")
    assert ran.err == "bnnaudit: interrupted; nothing was finished\n"


def test_out_of_memory(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> object:
        raise MemoryError

    monkeypatch.setattr("bnnaudit.auditing.open.open_model_and_data", full)
    ran = check("honest.onnx")
    assert (ran.code, ran.err.count("\n")) == (ExitCode.UNFINISHED, 1)


def test_a_report_that_cannot_be_written(check: Check, folder: Path) -> None:
    """The others are, and neither a pass nor a failed model is what the command ends with."""
    ran = check("honest.onnx", "--report", "json=/dev/full", "--report", "audit.json")
    assert ran.code == ExitCode.BAD_INPUT
    assert "/dev/full" in ran.err
    assert (folder / "audit.json").stat().st_size > 1000


@pytest.fixture
def models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[ExitCode, str]:
    """A model for each exit code."""
    write_model(folder / "open.onnx", scale=0.05)
    (folder / "open.toml").write_text("[policy]\nmin_clean = 0.95\n")
    write_model(folder / "bug.onnx", scale=0.05)
    from bnnaudit.auditing.open import open_model_and_data

    def opened(path: Path, settings: object) -> object:
        if path.stem == "bug":
            raise ZeroDivisionError("oops")
        return open_model_and_data(path, settings)

    monkeypatch.setattr("bnnaudit.auditing.open.open_model_and_data", opened)
    names = {"bug": 70, "broken": 2, "fake": 1, "open": 3, "honest": 0}
    return {ExitCode(code): f"{name}.onnx" for name, code in names.items()}


@pytest.mark.parametrize("pair", tuple(combinations(PRECEDENCE, 2)))
def test_of_several_models_the_worst_code_holds(
    check: Check, models: dict[ExitCode, str], pair: tuple[ExitCode, ExitCode]
) -> None:
    worse, _ = pair
    for order in (pair, pair[::-1]):
        ran = check(*(models[code] for code in order))
        assert ran.code == worse, ran.err
        for code in pair:
            assert (models[code] in ran.err) is (code in (ExitCode.BUG, ExitCode.BAD_INPUT))


def test_all_models_at_once(check: Check, models: dict[ExitCode, str]) -> None:
    ran = check("*.onnx")
    assert ran.code == ExitCode.BUG
    assert all(name in ran.out for name in models.values())
