"""Broken ONNX files end with one line on stderr, or in a run; `python -m tests.bench.onnx_fuzz` takes thousands of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bnnaudit.cli.main import run
from tests.models.onnx.fuzz_cases import Ending, arguments, ending_of, file_of, write_images
from tests.models.onnx.fuzz_seeds import seed_models

FILES = 60


def judged(path: Path, capfd: pytest.CaptureFixture[str]) -> Ending:
    """How a file ends, run in this process."""
    data = write_images(path.parent)
    capfd.readouterr()
    code = run(arguments(path, data))
    return Ending(*ending_of(code, capfd.readouterr().err))


@pytest.mark.parametrize("name", seed_models())
def test_the_sound_models_run(tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    path = tmp_path / "sound.onnx"
    path.write_bytes(seed_models()[name].SerializeToString())
    assert judged(path, capfd) == Ending("ran", "")


@pytest.mark.filterwarnings("default")  # a warning is a line on stderr, which is judged
def test_broken_files(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.onnx"
    failures = []
    for index in range(FILES):
        name, content = file_of(2, index)
        path.write_bytes(content)
        ending = judged(path, capfd)
        if not ending.good:
            failures.append(f"{index} ({name}): {ending}")
    assert not failures


def test_the_same_files_every_time() -> None:
    assert file_of(5, 17) == file_of(5, 17)
    assert len({file_of(5, index)[1] for index in range(30)}) > 25
