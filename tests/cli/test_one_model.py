"""Formats that hold one model are refused for several before any of them is audited."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, write_model


@pytest.mark.parametrize("words", [["--report", "intoto-predicate=p.json"], ["--format", "intoto-predicate"]])
def test_several_models_are_refused_at_once(
    bnnaudit: Callable[..., Ran], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.onnx", "b.onnx"):
        write_model(tmp_path / name)
    (tmp_path / "p.json").write_text('{"result": "PASSED"}', encoding="utf-8")
    monkeypatch.setattr("bnnaudit.cli.audits.Audits.run", lambda self: pytest.fail("an audit is run"))
    ran = bnnaudit("check", "*.onnx", "--data", data, *words)
    assert ran.code == 2
    assert (
        ran.err == "bnnaudit: intoto-predicate: it is about one model, not 2; check each by itself, or write `intoto`\n"
    )
    if "--report" in words:
        assert json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))["result"] == "FAILED"
