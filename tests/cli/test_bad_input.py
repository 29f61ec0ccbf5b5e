"""Wrong input of every kind: exit code 2, one clear line on stderr, nothing on stdout."""

from __future__ import annotations

import io
import json
import os
import pickle
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cli.conftest import Ran

Bnnaudit = Callable[..., Ran]
ROOT = Path(__file__).parents[2]


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


NO_TORCH = """
import json, sys
from bnnaudit.cli.main import run
for line in json.loads(sys.argv[1]):
    assert run(line) == 2, line
assert not {"torch", "numpy", "onnx"} & set(sys.modules), line
"""


def test_what_is_wrong_with_a_command_line_is_told_before_anything_heavy_is_loaded(model: Path, tmp_path: Path) -> None:
    """Empty values, as of a variable that is not set, folders for files, files that are not there, and names that are none."""
    (tmp_path / "notes.txt").touch()
    recipe = tmp_path / "recipe.toml"
    recipe.touch()
    no_file = [[path] for path in ("", " ", ".", str(tmp_path), "absent.onnx", str(tmp_path / "notes.txt"))]
    lines = [[name, *path] for name in ("check", "attack", "signal", "clever", "inspect") for path in no_file]
    lines += [["sweep", *path, "--over", "radius"] for path in no_file]
    lines += [["reproduce", "table5", "--model", str(model), "--model", *path] for path in no_file]
    lines += [["train", *path] for path in (*no_file[:-1], ["absent.toml"])]
    lines += [["train", str(recipe), "--output", path] for path in ("", str(recipe), str(recipe / "inside"))]
    lines += [["check", str(model), "--substitute", *path] for path in no_file]
    lines += [["attack", str(model), "--method", "transfer", "--substitute", *path] for path in no_file]
    for option, values in {
        "--data": ("", "absent.npz", "absent.zip:inside", str(tmp_path / "notes.txt")),
        "--data-root": ("", str(recipe)),
        "--card": ("", ".", "absent.toml"),
        "--output": ("", ".", "-", "absent/report.txt"),
        "--save": ("", ".", "out.txt", "absent/out.npz"),
        "--arch": ("",),
        "--output-name": ("",),
        "--device": ("", "tpu"),
        "--eps": ("", "far", "8"),
        "--std": ("", "0"),
        "--method": ("", "pdg"),
        "--steps": ("", "0", "1.5", "1_0", "\u0663", "9" * 30, "9" * 5000),
        "--threads": ("100000",),
        "--surrogate": ("tanh:", "tanh:1:"),
        "--mean": ("", "nan", "1e999"),
        "--input-range": ("0,inf", "nan,nan"),
        "--unknown": ("1",),
    }.items():
        lines += [["attack", str(model), option, value] for value in values]
    lines += [["signal", str(model), "--plot", path] for path in ("", ".", "picture.pdf", "absent/picture.svg")]
    lines += [
        ["chekc"],
        ["check", str(model), "extra"],
        ["check", str(model), "--eps"],
        ["attack", str(model), "--quiet=1"],
        ["check", str(model)],
        ["clever", str(model), "--radius-l2", "0"],
        ["sweep", str(model), "--over", "radius", "--values", "0.1,5"],
    ]
    long = [f"{'n' * 300}.onnx", "/".join(["deep" * 50] * 30)]
    lines += [["check", path] for path in long]
    lines += [["check", str(model), option, path] for option in ("--data", "--card", "--output") for path in long]
    lines += [["train", str(recipe), "--output", path] for path in long]
    lines += [["attack", str(model), "--method", "auto", "--steps", "3"]]
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH, json.dumps(lines)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(Path.cwd()), os.environ.get("PYTHONPATH", "")))},
    )
    assert done.returncode == 0, done.stderr
    told = done.stderr.splitlines()
    assert len(told) == len(lines)
    assert all(line.startswith("bnnaudit: ") for line in told)
    assert "a bug" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [("check", ""), ("check", "x.onnx", "--epz", "1"), ("check", "."), ("check", "absent.onnx")]
)
def test_it_is_told_within_half_a_second(arguments: tuple[str, ...]) -> None:
    """Of processor time, the best of three, for other work on the machine is not the program's."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert (
            subprocess.run([sys.executable, "-m", "bnnaudit", *arguments], capture_output=True, check=False).returncode
            == 2
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < 0.5


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("check", "x.onnx", "--epz", "1"), "--eps"),
        (("attack", "x.onnx", "--methd", "pgd"), "--method"),
        (("--versoin",), "--version"),
        (("chekc", "x.onnx"), "check"),
        (("reproduce", "tabel5"), "table5"),
        (("explain", "FR31"), "FR301"),
        (("sweep", "MODEL", "--over", "radios"), "radius"),
        (("attack", "MODEL", "--method", "pdg++"), "pgd++"),
        (("attack", "MODEL", "--beta", "njz:0.1"), "njs"),
        (("attack", "MODEL", "--surrogate", "tahn:0.5"), "tanh"),
        (("attack", "MODEL", "--loss", "margin-targetted"), "margin-targeted"),
        (("attack", "MODEL", "--method", "PGD+++"), "pgd++"),
        (("attack", "MODEL", "--beta", "HSN"), "hns"),
        (("check", "MODEL", "--ep", "0.1"), "--eps"),
        (("check", "MODEL", "--device", "CPU"), "cpu"),
        (("check", "MODEL", "--data", "MNSIT"), "MNIST"),
        (("check", "MODEL", "--data", "cifar"), "CIFAR10"),
        (("explain", "temperature-scaling-breaks"), "temperature-scaling-breaks-it"),
        (("check", "MODEL", "--serve-as", "exakt"), "exact"),
        (("check", "MODEL", "--format", "jsn"), "json"),
    ],
)
def test_the_nearest_name_is_suggested(bnnaudit: Bnnaudit, model: Path, arguments: tuple[str, ...], meant: str) -> None:
    words = [str(model) if word == "MODEL" else word for word in arguments]
    refused(bnnaudit(*words), f"did you mean {meant}")


def test_nothing_is_suggested_for_what_is_like_nothing(bnnaudit: Bnnaudit, model: Path) -> None:
    for arguments in (
        ("check", model, "--zzz"),
        ("check", model, "--method", "pgd"),
        ("inspect", model, "--eps", "1"),
        ("destroy",),
        ("attack", model, "--norm", "hamming"),
        ("attack", model, "--beta", "njs:2"),
        ("attack", model, "--surrogate", "tanh:1:miles"),
    ):
        ran = bnnaudit(*arguments)
        refused(ran)
        assert "did you mean" not in ran.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read(bnnaudit: Bnnaudit, model: Path) -> None:
    model.chmod(0)
    refused(bnnaudit("inspect", model), "cannot be read", "permission")


def test_a_reader_who_leaves_is_no_failed_model(tmp_path: Path) -> None:
    """The report is longer than a pipe holds; the code is that of a run without an end, not 1."""
    child = subprocess.Popen(
        [sys.executable, "-m", "bnnaudit", "explain", "--all"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.wait() == 3
    assert child.stderr.read() == b""
    child.stderr.close()


def test_an_interruption_before_the_audit_is_one_line(
    bnnaudit: Bnnaudit, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("bnnaudit.cli.inspect.settle", interrupt)
    ran = bnnaudit("inspect", model)
    assert (ran.code, ran.out, ran.err) == (3, "", "bnnaudit: interrupted; nothing was finished\n")


def test_what_is_read_is_not_overwritten(bnnaudit: Bnnaudit, model: Path, data: Path, tmp_path: Path) -> None:
    """By its name, by another way to it, and by a link; and two options do not write the same file."""
    card, link, other = model.with_suffix(".toml"), tmp_path / "link.json", tmp_path / "other.onnx"
    card.write_text("[data]\nsamples = 3\n")
    link.symlink_to(model)
    other.write_bytes(model.read_bytes())
    before = {path: path.read_bytes() for path in (model, data, card, other)}
    base = (model, "--data", data)
    refused(bnnaudit("inspect", model, "--output", model), "output", "is the model")
    refused(bnnaudit("check", *base, "--output", link), "is the model")
    refused(bnnaudit("check", *base, "-o", tmp_path / "." / "tiny.toml"), "is its card")
    refused(bnnaudit("check", *base, "--substitute", other, "-o", other), "is the substitute")
    refused(bnnaudit("attack", *base, "--save", data), "save", "is the data")
    refused(bnnaudit("clever", *base, "-o", data), "is the data")
    refused(bnnaudit("reproduce", "table5", "--model", other, "--model", model, "--data", data, "-o", model))
    picture = tmp_path / "picture.svg"
    refused(bnnaudit("signal", *base, "--plot", picture, "-o", picture), "plot", "what --output writes")
    assert {path: path.read_bytes() for path in before} == before
    assert not picture.exists()


def test_a_recipe_is_not_overwritten_by_the_card(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    recipe = tmp_path / "digits-ref.toml"
    recipe.write_text((ROOT / "sample_models" / "recipes" / "digits-ref.toml").read_text())
    refused(bnnaudit("train", recipe, "--output", tmp_path), "is the recipe")
    assert [path.name for path in tmp_path.iterdir()] == ["digits-ref.toml"]


def test_a_default_is_read_as_if_it_were_typed(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    """That of `train --output` is a path."""
    recipe = tmp_path / "recipe.toml"
    recipe.touch()
    refused(bnnaudit("train", recipe), "missing key name")


def test_a_log_takes_no_progress_bar(
    bnnaudit: Bnnaudit, model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colours may be forced where stderr is no terminal, as continuous integration does."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert bnnaudit("attack", model, "--data", data, "--samples", "3", "--steps", "1").err == ""


@pytest.mark.parametrize(("sign", "shown"), [("\x1b", "\\x1b"), ("\u202e", "\\u202e"), ("\udcff", "\\udcff")])
def test_no_name_steers_the_terminal(bnnaudit: Bnnaudit, sign: str, shown: str) -> None:
    refused(bnnaudit("check", f"a{sign}[31m\n.onnx"), f"a{shown}[31m .onnx: no such file")


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("--help >&-", 2, "bnnaudit: stdout is closed\n"),
        ("explain FR301 >&-", 2, "bnnaudit: stdout is closed\n"),
        ("check '' 2>&-", 2, ""),
        ("check '' >&- 2>&-", 2, ""),
        ("--help > /dev/full", 2, "bnnaudit: stdout: No space left on device\n"),
        ("check '' 2> /dev/full", 2, ""),
    ],
)
def test_streams_that_are_closed_or_full(tmp_path: Path, line: str, code: int, told: str) -> None:
    """None is an error of the program's, and none has the code of a failed model."""
    done = _in_shell(line, tmp_path)
    assert (done.returncode, done.stderr) == (code, told)


def test_a_folder_that_is_gone(model: Path, data: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    for line in (f"inspect {model}", f"check {model} --data {data} -o x.txt", "explain FR301 -o x.txt"):
        done = _in_shell(line, gone, before=f"rmdir {gone} && ")
        assert done.returncode == 2
        assert done.stderr.endswith("bnnaudit: the current folder no longer exists; change to another one\n")
        gone.mkdir()


def _in_shell(line: str, folder: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """A command line as a shell runs it in `folder`."""
    return subprocess.run(
        ["sh", "-c", f"{before}exec {sys.executable} -m bnnaudit {line}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
