"""A few cases of each kind in the suite; `python -m tests.bench.fuzz` takes thousands of them."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.fuzz import judging, results
from tests.bench.fuzz.case import Case, kept_case
from tests.bench.fuzz.kinds import KINDS, case_of, kind_of, sound
from tests.bench.fuzz.kinds.checkpoint_files import checkpoints
from tests.bench.fuzz.kinds.onnx_seeds import WEIGHTS, external_weights, seed_models
from tests.bench.fuzz.kinds.report_files import documents
from tests.bench.fuzz.kinds.safetensors_files import sound_file
from tests.bench.fuzz.kinds.toml_files import card, policy, recipe
from tests.bench.fuzz.mutations.pictures import picture
from tests.bench.fuzz.mutations.trees import as_toml
from tests.bench.fuzz.oracle import problems_of
from tests.bench.fuzz.results import Result
from tests.bench.fuzz.running import Place, run_forked
from tests.paths import ROOT

CASES = 160
SEED = 1


def fuzz(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own, as it forks."""
    options = [
        "--seed",
        str(SEED),
        "--keep",
        str(folder / "kept"),
        "--resume",
        str(folder / "results.jsonl"),
        "--jobs",
        "1",
    ]
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.fuzz", *options, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})


def test_short_form(tmp_path: Path) -> None:
    done = fuzz(tmp_path, "--cases", str(CASES))
    assert done.returncode == 0, done.stdout + done.stderr
    found = list(results.read(tmp_path / "results.jsonl"))
    assert sorted(result.index for result in found) == list(range(CASES))
    assert {result.kind for result in found} == set(KINDS)
    assert {result.how for result in found} == {results.FORKED, results.APART}
    assert {0, 2} <= {result.code for result in found}
    assert not (tmp_path / "kept").exists()


def test_a_run_is_continued_where_it_was_killed(tmp_path: Path) -> None:
    """A line was cut off; the cases that were judged before it are not judged again, the others are."""
    path = tmp_path / "results.jsonl"
    for index in (0, 2, 3):
        results.append(path, Result(SEED, index, kind_of(index), "fork", "inspect", 3, 0, 0, 0, note="before"))
    path.write_bytes(path.read_bytes()[:-40])
    assert fuzz(tmp_path, "--cases", "4").returncode == 0
    assert {result.index: result.note == "before" for result in results.read(path)} == {
        0: True,
        1: False,
        2: True,
        3: False,
    }


def test_a_case_that_cannot_be_made_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no end of the run."""

    def fail(seed: int, index: int) -> Case:
        raise ValueError("planted")

    monkeypatch.setattr(judging, "case_of", fail)
    assert judging.judged(SEED, 0, tmp_path).problems == ("fuzzer: cannot make the case",)


def test_what_fails_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(("inspect", "m.onnx"), {"m.onnx": b"model"})
    monkeypatch.setattr(judging, "case_of", lambda seed, index: case)
    monkeypatch.setattr(judging, "problems_of", lambda *given: ["exit code: 70"])
    assert judging.judged(SEED, 8, tmp_path).problems == ("exit code: 70",)
    assert kept_case(tmp_path / f"onnx-{SEED}-8") == case


def test_what_fails_is_counted_and_told() -> None:
    bad = Result(SEED, 0, "onnx", "fork", "inspect", 70, 0.1, 0.1, 2**30, ("exit code: 70", "traceback: on stderr"))
    good = Result(SEED, 1, "pt", "process", "inspect", 2, 0.1, 0.1, 2**30)
    lines = [line.split() for line in results.table([bad, good]).splitlines()]
    assert lines[0] == ["kind", "cases", "exit", "2", "exit", "70", "bad", "CPU", "s", "longest", "most", "GiB"]
    assert lines[1][:5] == ["onnx", "1", "0", "1", "1"]
    assert lines[3][:5] == ["all", "2", "1", "1", "1"]
    assert ["1", "exit", "code", "(onnx)"] in lines


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_cases_every_time(kind: str) -> None:
    index = list(KINDS).index(kind) + 8 * 5
    assert case_of(3, index) == case_of(3, index)
    different = {repr(case_of(3, index + 8 * number)) for number in range(20)}
    assert len(different) > 15


IMAGES = {f"d/{label}/a.png": picture(label) for label in range(4)}
SOUND = {
    **{
        f"ONNX, {name}": Case(
            ("inspect", "m.onnx", "-q"), {"m.onnx": model.SerializeToString(), WEIGHTS: external_weights()}
        )
        for name, model in seed_models().items()
    },
    "a folder": Case(("attack", "m.onnx", "--data", "d", *sound.ATTACK), {**IMAGES, "m.onnx": sound.model()}),
    "vectors": Case(
        ("attack", "m.onnx", "--data", "d.npz", *sound.ATTACK), {"d.npz": sound.data(), "m.onnx": sound.vector_model()}
    ),
    "a recipe": Case(
        ("train", "r.toml", "-q", "-o", "made"), {"r.toml": as_toml(recipe()).encode()}, written=("made",)
    ),
}


def sound_cases() -> dict[str, Case]:
    """What every kind starts from, with nothing broken."""
    own = {"m.toml": sound.CARD.encode()}
    unbroken = dict(SOUND)
    for name in ("weights", "old", "whole", "half"):
        unbroken[f"checkpoint, {name}"] = Case(("inspect", "m.pt", "-q"), {"m.pt": checkpoints()[name], **own})
    unbroken["safetensors"] = Case(("inspect", "m.safetensors", "-q"), {"m.safetensors": sound_file(), **own})
    project = {"m.onnx": sound.model(), "d.npz": sound.data(), "bnnaudit.toml": as_toml({"policy": policy()}).encode()}
    unbroken["a project"] = Case(("inspect", "m.onnx", "-q"), project)
    text = as_toml({**card(), "architecture": {}}).encode()
    unbroken["a card"] = Case(
        ("inspect", "m.onnx", "-q"), {"m.onnx": sound.model(), "d.npz": sound.data(), "m.toml": text}
    )
    unbroken["evidence"] = Case(
        ("verify", "e.zip", "--model", "m.onnx"), {"e.zip": sound.evidence(), "m.onnx": sound.model()}
    )
    for name, document in documents().items():
        unbroken[f"report, {name}"] = Case(("render", "r.json"), {"r.json": json.dumps(document).encode()})
    return unbroken


REFUSED = {"ONNX, nested"}
"""Sound, but with operators that are not imported."""


def test_what_the_cases_start_from_is_sound(tmp_path: Path) -> None:
    endings = {}
    for number, (name, case) in enumerate(sound_cases().items()):
        place = Place(tmp_path / str(number))
        place.make()
        case.write(place.inside)
        ending = run_forked(case.arguments, place)
        endings[name] = (ending.code, ending.err.decode(), problems_of(case, place, ending))
    assert {name: ending for name, ending in endings.items() if ending != (0, "", []) and name not in REFUSED} == {}


def test_every_kind_is_broken_in_many_ways() -> None:
    notes = {kind: {KINDS[kind](random.Random(number)).note for number in range(60)} for kind in KINDS}
    assert min(map(len, notes.values())) >= 2
