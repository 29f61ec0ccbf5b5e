"""Wrong input of every kind: exit code 2, one clear line on stderr, nothing on stdout."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cli.conftest import Ran

Bnnaudit = Callable[..., Ran]


def refused(ran: Ran, *words: str) -> None:
    assert ran.code == 2, ran.err
    assert ran.out == ""
    lines = ran.err.strip().splitlines()
    assert len(lines) == 1, ran.err
    assert lines[0].startswith("bnnaudit: ")
    assert "Traceback" not in ran.err
    for word in words:
        assert word in lines[0], lines[0]


def test_no_such_model(bnnaudit: Bnnaudit, tmp_path: Path, data: Path) -> None:
    refused(bnnaudit("check", tmp_path / "absent.onnx", "--data", data), "absent.onnx", "no such file")


@pytest.mark.parametrize("bits", ["0", "17", "8.5", "many"])
@pytest.mark.parametrize("command", ["attack", "check"])
def test_pixels_of_so_many_bits_do_not_exist(
    bnnaudit: Bnnaudit, model: Path, data: Path, command: str, bits: str
) -> None:
    refused(bnnaudit(command, model, "--data", data, "--image-bits", bits), "--image-bits", bits)


@pytest.mark.parametrize("bits", ["0", "17", '"8"', "true"])
def test_a_card_with_pixels_of_so_many_bits(bnnaudit: Bnnaudit, model: Path, data: Path, bits: str) -> None:
    model.with_suffix(".toml").write_text(f"[threat]\nimage_bits = {bits}\n")
    refused(bnnaudit("attack", model, "--data", data), "tiny.toml", "threat.image_bits")


def test_a_folder_as_model(bnnaudit: Bnnaudit, tmp_path: Path, data: Path) -> None:
    refused(bnnaudit("check", tmp_path, "--data", data), "not a file")


def test_an_unknown_kind_of_model(bnnaudit: Bnnaudit, tmp_path: Path, data: Path) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(b"x")
    refused(bnnaudit("check", path, "--data", data), "model.h5", ".onnx")


@pytest.mark.parametrize("name", ["empty.onnx", "empty.pt", "empty.safetensors"])
def test_an_empty_file(bnnaudit: Bnnaudit, tmp_path: Path, data: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    refused(bnnaudit("check", path, "--data", data, "--arch", "mlp"), name, "empty")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_onnx(bnnaudit: Bnnaudit, model: Path, data: Path, share: float) -> None:
    content = model.read_bytes()
    model.write_bytes(content[: int(len(content) * share)])
    refused(bnnaudit("check", model, "--data", data), "tiny.onnx")


def test_a_text_file_named_onnx(bnnaudit: Bnnaudit, tmp_path: Path, data: Path) -> None:
    path = tmp_path / "notes.onnx"
    path.write_text("this is not a model\n" * 20)
    refused(bnnaudit("check", path, "--data", data), "notes.onnx")


class Marker:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


def test_a_pickle_with_code_in_it_is_refused_and_does_not_run(bnnaudit: Bnnaudit, tmp_path: Path, data: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "evil.pt"
    torch.save({"state_dict": {"weight": Marker(marker)}}, path)
    refused(bnnaudit("check", path, "--data", data, "--arch", "mlp"), "evil.pt", "safetensors")
    bare = tmp_path / "bare.pt"
    bare.write_bytes(pickle.dumps(Marker(marker)))
    refused(bnnaudit("check", bare, "--data", data, "--arch", "mlp"), "bare.pt")
    assert not marker.exists()


def test_a_checkpoint_without_an_architecture(bnnaudit: Bnnaudit, tmp_path: Path, data: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(2)}, path)
    refused(bnnaudit("check", path, "--data", data), "--arch", "cnn")


def test_keys_that_do_not_fit_are_all_named(bnnaudit: Bnnaudit, tmp_path: Path, data: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"strange.weight": torch.zeros(2), "odd.bias": torch.zeros(1)}, path)
    refused(
        bnnaudit("check", path, "--data", data, "--arch", "torchvision.models:squeezenet1_0"),
        "strange.weight",
        "odd.bias",
    )


def test_an_architecture_that_is_not_there(bnnaudit: Bnnaudit, tmp_path: Path, data: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(2)}, path)
    refused(bnnaudit("check", path, "--data", data, "--arch", "nowhere:Net"), "nowhere")


def test_no_data(bnnaudit: Bnnaudit, model: Path) -> None:
    refused(bnnaudit("check", model), "--data")


def test_data_that_are_not_there(bnnaudit: Bnnaudit, model: Path, tmp_path: Path) -> None:
    refused(bnnaudit("check", model, "--data", tmp_path / "absent.npz"), "absent.npz")


def saved(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)
    return path


def test_images_of_the_wrong_shape(bnnaudit: Bnnaudit, model: Path, tmp_path: Path) -> None:
    path = saved(tmp_path / "wide.npz", x=np.zeros((5, 1, 4, 9), np.float32))
    refused(bnnaudit("check", model, "--data", path), "wide.npz", "9", "4")


def test_labels_out_of_range(bnnaudit: Bnnaudit, model: Path, tmp_path: Path) -> None:
    path = saved(tmp_path / "labels.npz", x=np.zeros((5, 1, 4, 4), np.float32), y=np.array([0, 1, 7, 2, -1]))
    refused(bnnaudit("check", model, "--data", path), "labels.npz", "7")


def test_labels_of_another_number(bnnaudit: Bnnaudit, model: Path, tmp_path: Path) -> None:
    path = saved(tmp_path / "few.npz", x=np.zeros((5, 1, 4, 4), np.float32), y=np.array([0, 1]))
    refused(bnnaudit("check", model, "--data", path), "few.npz", "5", "2")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_images_that_are_no_numbers(bnnaudit: Bnnaudit, model: Path, tmp_path: Path, value: float) -> None:
    images = np.zeros((5, 1, 4, 4), np.float32)
    images[3, 0, 1, 1] = value
    refused(bnnaudit("check", model, "--data", saved(tmp_path / "bad.npz", x=images)), "bad.npz")


def test_images_in_another_range_than_they_say(bnnaudit: Bnnaudit, model: Path, tmp_path: Path) -> None:
    path = saved(tmp_path / "range.npz", x=np.full((5, 1, 4, 4), 200.0, np.float32))
    refused(bnnaudit("check", model, "--data", path), "range.npz", "200")


def test_no_images(bnnaudit: Bnnaudit, model: Path, tmp_path: Path) -> None:
    refused(
        bnnaudit("check", model, "--data", saved(tmp_path / "none.npz", x=np.zeros((0, 1, 4, 4), np.float32))),
        "none.npz",
    )


def test_an_npz_with_a_pickle_in_it(bnnaudit: Bnnaudit, model: Path, tmp_path: Path) -> None:
    path = saved(tmp_path / "object.npz", x=np.array([{"a": 1}], dtype=object))
    refused(bnnaudit("check", model, "--data", path), "object.npz")


def test_a_zip_of_no_images(bnnaudit: Bnnaudit, model: Path, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    path = tmp_path / "text.zip"
    path.write_bytes(buffer.getvalue())
    refused(bnnaudit("check", model, "--data", path), "text.zip")


def test_an_unknown_key_in_a_card(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    model.with_suffix(".toml").write_text('[threat]\nepsilon = "8/255"\n[date]\nsource = "x"\n')
    refused(bnnaudit("check", model, "--data", data), "tiny.toml", "threat.epsilon", "date", "eps")


def test_a_card_that_is_no_toml(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    model.with_suffix(".toml").write_text("[threat\n")
    refused(bnnaudit("check", model, "--data", data), "tiny.toml")


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--eps", "abc", "abc"),
        ("--eps", "-1", "-1"),
        ("--eps", "8/0", "8/0"),
        ("--eps", "8", "8/255"),
        ("--step-size", "fast", "fast"),
        ("--step-size", "0", "0"),
        ("--samples", "0", "samples"),
        ("--samples", "many", "many"),
        ("--steps", "0", "steps"),
        ("--input-range", "255,0", "255,0"),
        ("--input-range", "0-255", "0-255"),
        ("--mean", "a,b", "a,b"),
        ("--std", "0", "std"),
        ("--norm", "l1", "l1"),
        ("--layout", "hwcn", "hwcn"),
        ("--input-shape", "3,0,8", "3,0,8"),
        ("--input-shape", "1,2,3,4", "1,2,3,4"),
        ("--input-shape", "1,5,5", "contradicts"),
        ("--device", "tpu", "tpu"),
        ("--batch-size", "0", "batch-size"),
        ("--substitute", "absent.onnx", "absent.onnx"),
        ("--card", "absent.toml", "absent.toml"),
        ("--unknown", "1", "--unknown"),
        ("--output", "no/such/folder/report.txt", "no/such/folder"),
    ],
)
def test_an_option_that_cannot_be(
    bnnaudit: Bnnaudit, model: Path, data: Path, option: str, value: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    refused(bnnaudit("check", model, "--data", data, option, value), word)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--beta", "hot"), "hot"),
        (("--beta", "-1"), "-1"),
        (("--beta", "inf"), "inf"),
        (("--surrogate", "soft"), "soft"),
        (("--surrogate", "adaptive:0"), "adaptive:0"),
        (("--loss", "mse"), "mse"),
        (("--method", "carlini"), "carlini"),
        (("--method", "pgd++", "--beta", "none"), "pgd++"),
        (("--save", "out.txt"), "out.txt"),
        (("--save", "no/such/folder/out.npz"), "no/such/folder"),
    ],
)
def test_an_attack_that_cannot_be(
    bnnaudit: Bnnaudit, model: Path, data: Path, arguments: tuple[str, ...], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    refused(bnnaudit("attack", model, "--data", data, *arguments), word)


def test_a_device_that_is_not_there(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    refused(bnnaudit("attack", model, "--data", data, "--device", "cuda:99"), "cuda:99")


def test_no_command_of_that_name(bnnaudit: Bnnaudit) -> None:
    refused(bnnaudit("destroy"), "destroy")


def test_no_rule_of_that_code(bnnaudit: Bnnaudit) -> None:
    refused(bnnaudit("explain", "GM999"), "GM999", "GM10")
    refused(bnnaudit("explain"), "--all")


def test_an_output_that_cannot_be_written_costs_no_audit(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    ran = bnnaudit("inspect", model, "--output", model.parent / "absent" / "facts.txt")
    refused(ran, "absent")


def test_a_program_of_torch_export(bnnaudit: Bnnaudit, tmp_path: Path, data: Path) -> None:
    """Its reader would unpickle; the way out is named, and no architecture asked for."""
    path = tmp_path / "program.pt2"
    torch.export.save(torch.export.export(torch.nn.Linear(16, 3), (torch.zeros(2, 16),)), path)
    refused(bnnaudit("check", path, "--data", data), "program.pt2", "torch.export", "torch.onnx.export")


def test_an_output_that_is_not_there(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    for command in ("check", "attack"):
        ran = bnnaudit(command, model, "--data", data, "--output-name", "scores")
        refused(ran, "no output 'scores'; the outputs are: 'logits'")
    refused(bnnaudit("inspect", model, "--output-name", "scores"), "no output 'scores'")


def test_the_output_of_a_checkpoint_has_no_name(bnnaudit: Bnnaudit, tmp_path: Path, data: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(torch.nn.Linear(16, 3).state_dict(), path)
    refused(
        bnnaudit("check", path, "--data", data, "--arch", "mlp", "--output-name", "y"), "--output-name", "ONNX file"
    )
