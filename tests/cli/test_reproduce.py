"""`reproduce`: which models it takes, what it prints and writes, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bnnaudit.cli.reproduce import distinct
from bnnaudit.core.reproduction import TableName
from tests.cli.conftest import Ran, write_model
from tests.paths import ROOT

Command = Callable[..., Ran]
CARD = """
[data]
source = "images.npz"
[threat]
eps = 0.1
[training]
{training}
"""
FEW = ("--samples", 3, "--quiet")


def add(folder: Path, name: str, **training: object) -> Path:
    """A tiny network with a card that says what it is; None takes a key away."""
    path = folder / f"{name}.onnx"
    write_model(path, scale=20.0)
    told = {"data": "digits", "architecture": "cnn", "kind": "BNN-WAQ", "adversarial": False, **training}
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in told.items() if value is not None)
    path.with_suffix(".toml").write_text(CARD.format(training=lines))
    return path


@pytest.fixture
def nets(tmp_path: Path, data: Path) -> Path:
    """A folder of three networks: what matters to a table is what their cards say."""
    folder = tmp_path / "nets"
    folder.mkdir()
    shutil.copy(data, folder)
    add(folder, "waq")
    add(folder, "ref", kind="REF")
    add(folder, "copy", data="CIFAR-10 (JPEG copy)", architecture="vgg16", width=16)
    return folder


def document(bnnaudit: Command, *words: object) -> dict[str, Any]:
    ran = bnnaudit("reproduce", *words, *FEW, "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    found: dict[str, Any] = json.loads(ran.out)
    return found


def names(table: dict[str, Any]) -> list[str]:
    return [Path(model["path"]).name for model in table["models"]]


def test_a_table_takes_the_models_that_it_is_about(bnnaudit: Command, nets: Path) -> None:
    found = document(bnnaudit, "table8", "--models", nets)
    assert found["schema"] == "bnnaudit-reproduction/2"
    (table,) = found["tables"]
    assert names(table) == ["copy.onnx", "ref.onnx", "waq.onnx"]
    assert names(document(bnnaudit, "table10", "--models", nets)["tables"][0]) == ["copy.onnx", "waq.onnx"]
    assert names(document(bnnaudit, "table9", "--models", nets)["tables"][0]) == ["ref.onnx"]


def test_the_paper_s_figures_stand_beside_a_network_like_its_own_alone(bnnaudit: Command, nets: Path) -> None:
    (table,) = document(bnnaudit, "table8", "--models", nets)["tables"]
    like, *others = table["models"]
    assert [row["paper"] for row in like["rows"]] == ["0.38", "16.67", "0.01", "0.02", ""]
    assert like["unlike"] == ["its first layer has 16 channels", "its data are a JPEG copy"]
    assert like["rows"][0]["difference"] == pytest.approx(100 * like["rows"][0]["cell"]["value"] - 0.38)
    assert like["rows"][0]["attack"]["eps"] == 8 / 255
    for other in others:
        assert {row["paper"] for row in other["rows"]} == {""}
        assert other["nearest"]["kind"] == other["network"]["kind"]
        assert other["rows"][0]["attack"]["eps"] == 0.1
    assert [(each["network"]["kind"], len(each["figures"])) for each in table["missing"]] == [("REF", 4), ("BNN-WQ", 4)]


def test_a_model_that_was_named_is_run_whatever_its_kind(bnnaudit: Command, nets: Path) -> None:
    own = add(nets, "own", kind="8 bits")
    assert names(document(bnnaudit, "table10", "--model", own)["tables"][0]) == ["own.onnx"]
    assert names(document(bnnaudit, "table10", "--models", nets)["tables"][0]) == ["copy.onnx", "waq.onnx"]
    both = document(bnnaudit, "table10", "--model", own, "--models", nets, "--model", nets / "waq.onnx")
    assert names(both["tables"][0]) == ["own.onnx", "waq.onnx", "copy.onnx"]


def test_without_the_card_s_word_the_kind_is_found_from_the_file(bnnaudit: Command, nets: Path) -> None:
    add(nets, "silent", kind=None, architecture=None, data=None)
    (table,) = document(bnnaudit, "table10", "--models", nets)["tables"]
    assert names(table) == ["copy.onnx", "waq.onnx"]  # float weights and signs: no kind of the paper's
    (table,) = document(bnnaudit, "table10", "--model", nets / "silent.onnx")["tables"]
    assert table["models"][0]["network"]["kind"] == ""


def test_a_folder_s_models_without_a_card_are_not_taken_and_onnx_comes_first(bnnaudit: Command, nets: Path) -> None:
    write_model(nets / "bare.onnx")
    (nets / "waq.safetensors").write_bytes(b"not opened")
    assert names(document(bnnaudit, "table10", "--models", nets)["tables"][0]) == ["copy.onnx", "waq.onnx"]


def test_a_model_of_a_folder_that_cannot_be_run_is_listed_and_passed_over(bnnaudit: Command, nets: Path) -> None:
    (add(nets, "broken")).write_bytes(b"no model at all")
    add(nets, "lost").with_suffix(".toml").write_text(
        CARD.format(training='kind = "BNN-WAQ"').replace("images", "gone")
    )
    add(nets, "wrong").with_suffix(".toml").write_text("[training]\nkindd = 'REF'\n")
    found = document(bnnaudit, "table10", "--models", nets)
    assert names(found["tables"][0]) == ["copy.onnx", "waq.onnx"]
    unable = {Path(one["path"]).name: one["why"] for one in found["unable"]}
    assert set(unable) == {"broken.onnx", "lost.onnx", "wrong.onnx"}
    assert "gone.npz" in unable["lost.onnx"]
    assert "did you mean kind?" in unable["wrong.onnx"]
    ran = bnnaudit("reproduce", "table10", "--model", nets / "broken.onnx", *FEW)
    assert (ran.code, ran.out) == (2, "")


def test_images_of_the_float_twin_at_hand_are_tried(bnnaudit: Command, nets: Path) -> None:
    (table,) = document(bnnaudit, "figure1", "--models", nets)["tables"]
    by_name = {Path(model["path"]).name: model for model in table["models"]}
    transferred = {
        name: [row["unable"] for row in model["rows"] if row["key"].startswith("transfer")]
        for name, model in by_name.items()
    }
    assert set(transferred) == {"copy.onnx", "waq.onnx"}
    assert set(transferred["waq.onnx"]) == {""}
    assert all("no float network of the same architecture" in why for why in transferred["copy.onnx"])
    (table,) = document(bnnaudit, "figure1", "--model", nets / "copy.onnx", "--substitute", nets / "ref.onnx")["tables"]
    assert {row["unable"] for row in table["models"][0]["rows"]} == {""}


def test_every_format_comes_again_from_the_json(bnnaudit: Command, nets: Path, tmp_path: Path) -> None:
    now, later = tmp_path / "now", tmp_path / "later"
    now.mkdir()
    later.mkdir()
    files = ("one.json", "one.md", "one.html", "one.csv", "one.txt")
    words = [word for file in files for word in ("--report", now / file)]
    ran = bnnaudit("reproduce", "table12", "--models", nets, *FEW, *words)
    assert (ran.code, ran.err) == (0, "")
    again = bnnaudit("render", now / "one.json", *(word for file in files for word in ("--report", later / file)))
    assert (again.code, again.err) == (0, "")
    for file in files:
        assert (later / file).read_bytes() == (now / file).read_bytes(), file
    assert again.out == ran.out
    assert bnnaudit("render", now / "one.json", "--report", f"sarif={later / 'x'}").code == 2
    ran = bnnaudit("render", now / "one.json", now / "one.json")
    assert (ran.code, ran.out) == (2, "")
    assert "give it alone" in ran.err


def test_all_makes_one_page_with_every_table_and_figure(
    bnnaudit: Command, nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The MLP's figure needs a fully connected network, of which there is none."""
    add(nets, "at", kind="REF", adversarial=True)
    (nets / "copy.toml").unlink()
    figures = tmp_path / "figures"
    ran = bnnaudit("reproduce", "all", "--models", nets, "--samples", 2, "-q", "--restarts", 2, "-o", tmp_path / "all.html",
                   "--report", tmp_path / "all.json", "--report", tmp_path / "all.csv", "--figures", figures)  # fmt: skip
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    found = json.loads((tmp_path / "all.json").read_text())
    assert [table["name"] for table in found["tables"]] == list(TableName)
    without = {table["name"] for table in found["tables"] if not table["models"]}
    assert without == {"table2", "figure2"}
    page = (tmp_path / "all.html").read_text()
    assert all(f'id="{name}"' in page for name in TableName)
    assert "No network available for it." in page
    assert sorted(path.name for path in figures.iterdir()) == [
        *(
            "figure1-waq.svg",
            "figure3-waq.svg",
            "figure4-ref.svg",
            "figure4-waq.svg",
            "figure5-ref.svg",
            "figure5-waq.svg",
        )
    ]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text(), newline=""), strict=True))
    assert {row["table"] for row in rows if row["model"]} == {str(name) for name in TableName} - without
    shared = {
        (row["model"], row["seconds"])
        for row in rows
        if row["key"] == "pgd++ njs" and row["model"].endswith("waq.onnx")
    }
    assert len(shared) == 1  # run once, though five tables have it


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a-2", "a-3"]),
        (["a", "a-2", "a"], ["a", "a-2", "a-3"]),
        (["a", "a", "a-2", "a-2"], ["a", "a-3", "a-2", "a-2-2"]),
    ],
)
def test_no_two_pictures_have_one_name(names: list[str], found: list[str]) -> None:
    assert distinct(names) == found


def test_pictures_of_models_of_one_name_do_not_replace_one_another(
    bnnaudit: Command, nets: Path, data: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(data, other)
    add(other, "waq")
    figures = tmp_path / "figures"
    words = ("--model", nets / "waq.onnx", "--model", other / "waq.onnx", "--figures", figures)
    assert bnnaudit("reproduce", "figure4", *words, *FEW).code == 0
    assert sorted(path.name for path in figures.iterdir()) == ["figure4-waq-2.svg", "figure4-waq.svg"]


def test_one_table_that_breaks_does_not_stop_the_others(
    bnnaudit: Command, nets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bnnaudit.core.errors import DataError
    from bnnaudit.experiments import measured

    def broken(*_: object) -> None:
        raise DataError("these images have no score")

    monkeypatch.setitem(measured.MEASURES, TableName.TABLE11, broken)  # type: ignore[misc]
    ran = bnnaudit(
        "reproduce", "all", "--model", nets / "waq.onnx", "--samples", 2, "-q", "--restarts", 1, "--format", "json"
    )
    found = json.loads(ran.out)
    assert ran.code == 0
    assert [(Path(one["path"]).name, one["why"]) for one in found["unable"]] == [
        ("waq.onnx (Table 11)", "these images have no score")
    ]
    empty = [table["name"] for table in found["tables"] if not table["models"]]
    assert "table11" in empty
    assert "table12" not in empty


def test_the_sample_models_are_the_default(bnnaudit: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    (table,) = document(bnnaudit, "table13")["tables"]
    assert {"digits-ref.onnx", "digits-bnn-wq.onnx", "digits-bnn-waq.onnx"} <= set(names(table))
    monkeypatch.chdir(tmp_path)
    ran = bnnaudit("reproduce", "table13")
    assert (ran.code, ran.out) == (2, "")
    assert "--model" in ran.err


def test_a_sample_network_bears_the_paper_s_claim_out(bnnaudit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGD leaves much of it, PGD++ much less; on lines of 80 columns at most."""
    monkeypatch.chdir(ROOT)
    ran = bnnaudit("reproduce", "table1", "--model", "sample_models/digits-bnn-waq.onnx", "--samples", 40, "--quiet")
    assert ran.code == 0, ran.err
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    text = " ".join(ran.out.split())
    for words in (
        "Table 1: PGD with 1 and with 20 random starts",
        "K. Gupta, T. Ajanthan",
        "the AAAI 2022 version",
        "PGD leaves much of a binary network's accuracy, more than 5 %. Holds here: PGD ",
        "restarts do not close the gap. Holds here: PGD, 20 starts ",
        "Missing of the paper's networks: REF, ResNet-18 on CIFAR-10",
    ):
        assert words in text


def test_figure_2_leaves_no_more_at_larger_radii(bnnaudit: Command, model: Path, data: Path) -> None:
    """All but IPROP, whose programs know no sign of three values such as this network's."""
    words = ("figure2", "--model", model, "--data", data, "--eps", 0, "--eps", 0.4)
    (table,) = document(bnnaudit, *words)["tables"]
    rows = {(row["series"], row["at"]): row for row in table["models"][0]["rows"]}
    assert {at for _, at in rows} == {"0", "0.4"}
    for (series, at), row in rows.items():
        if series == "IPROP":
            assert "sign" in row["unable"]
        elif at == "0":
            assert row["cell"]["value"] == 1
    assert rows["auto", "0.4"]["cell"]["value"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("table6",), "table6"),
        (("table5", "--model", "absent.onnx"), "absent.onnx"),
        (("table5", "--models", "absent"), "no such folder"),
        (("table5", "--eps", 0.1, "--eps", 0.2), "figure2"),
        (("all", "--eps", 0.1, "--eps", 0.2), "figure2"),
        (("table5", "--eps", "far"), "far"),
        (("table5", "--restarts", 0), "restarts"),
        (("table5", "--format", "sarif"), "sarif"),
        (("table5", "--figures", "images.npz"), "not a folder"),
        ((), "table10"),
    ],
)
def test_wrong_use_is_one_line(bnnaudit: Command, folder: Path, arguments: tuple[object, ...], words: str) -> None:
    ran = bnnaudit("reproduce", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert len(ran.err.strip().splitlines()) == 1


def test_where_nothing_belongs_to_a_table_it_is_said_what_it_is_about(bnnaudit: Command, nets: Path) -> None:
    for table, words in (("figure2", "BNN-WAQ, MLP on MNIST"), ("table4", "BNN-WQ* (bc), ResNet-18 on CIFAR-10")):
        ran = bnnaudit("reproduce", table, "--models", nets)
        assert (ran.code, ran.out) == (2, "")
        assert words in ran.err
        assert "--model" in ran.err
        assert len(ran.err.strip().splitlines()) == 1


def test_where_no_model_can_be_run_the_first_reason_is_the_error(bnnaudit: Command, tmp_path: Path) -> None:
    add(tmp_path, "lost")
    ran = bnnaudit("reproduce", "table10", "--models", tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "lost.onnx" in ran.err
    assert "images.npz" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
