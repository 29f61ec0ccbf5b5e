from pathlib import Path

import pytest

from bnnaudit.core.errors import SettingsError
from bnnaudit.zoo.train.recipes import read_recipe
from bnnaudit.zoo.train.tables import ExportFormat, Optimizer, Schedule

GOOD = """
name = "small"
description = "a test"
[architecture]
name = "mlp"
options = { hidden = [16] }
[training]
epochs = 3
[card]
eps = 0.1
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    recipe = read_recipe(written(tmp_path, GOOD))
    assert recipe.training.epochs == 3
    assert (recipe.training.optimizer, recipe.training.schedule) == (Optimizer.ADAMW, Schedule.COSINE)
    assert recipe.export.formats == (ExportFormat.ONNX,)
    assert recipe.adversarial is None


@pytest.mark.parametrize("line", ["epochs = 3\nbatch_size = 2147483648", "epochs = 99999999999"])
def test_numbers_that_libraries_cannot_hold(tmp_path: Path, line: str) -> None:
    for text in (GOOD.replace("epochs = 3", line), f"seed = {2**63}\n{GOOD}"):
        with pytest.raises(SettingsError, match="less than or equal to"):
            read_recipe(written(tmp_path, text))


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("epochs = 3", "epoch = 3\nbatch_size = 0\noptimizer = 'lion'") + "norms = 'l2'\n[extra]\n"
    with pytest.raises(SettingsError) as caught:
        read_recipe(written(tmp_path, text))
    message = str(caught.value)
    assert "recipe.toml: " in message
    assert "missing key training.epochs" in message
    assert "training.batch_size: input should be greater than or equal to 2" in message
    assert "training.optimizer: input should be 'adam', 'adamw' or 'sgd'" in message
    for key in ("training.epoch", "card.norms", "extra"):
        assert f"unknown key {key};" in f"{message};"
    assert "\n" not in message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"mlp"', '"resnet"', "architecture.name: 'resnet' is not one of cnn, densenet121, lenet"),
        (
            "hidden = [16]",
            "hiden = [16], depth = 2",
            "unknown key architecture.options.hiden; unknown key architecture",
        ),
        ("hidden = [16]", "weights = 'binry'", "'binry' is not a valid Weights"),
        ("hidden = [16]", "hidden = 16", "architecture.options: "),
        ("hidden = [16]", "in_features = 100", "architecture.options: does not take 1x8x8 images"),
        ("hidden = [16]", "classes = 7", "architecture.options: 7 classes, but the data have 10"),
        ('"small"', '"../small"', "name: string should match pattern"),
        ("eps = 0.1", "eps = inf", "card.eps: input should be a finite number"),
        ("eps = 0.1", "eps = '8/x'", "card.eps: length: '8/x' is not a length"),
        ("epochs = 3", "epochs = 3\npatience = 2", ": training.patience needs data.validation"),
        ("epochs = 3", "epochs = 3\nschedule = 'steps'", "training: the schedule `steps` and milestones go together"),
        ("epochs = 3", "epochs = 3\ndevice = 'tpu'", "training.device: device: 'tpu' is not auto, cpu"),
        ("[training]", "[binarizer]\nbeta_start = 9.0\nbeta_end = 2.0\n[training]", "binarizer: beta from 9 to 2"),
        (
            "[training]",
            "[adversarial]\neps=1.0\nsteps=1\nstep_size=1.0\nbeta='x'\n[training]",
            "adversarial.beta: beta: 'x'",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_recipe(written(tmp_path, GOOD.replace(old, new)))
    assert said in str(caught.value)


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe\x00", b"[training]\n[training]\n"])
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="not a readable TOML file"):
        read_recipe(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such recipe"):
        read_recipe(tmp_path / "none.toml")


def test_lengths_may_be_pixels(tmp_path: Path) -> None:
    recipe = read_recipe(written(tmp_path, GOOD.replace("eps = 0.1", 'eps = "8/255"')))
    assert recipe.card.eps == 8 / 255


def test_data_are_called_by_their_source_unless_they_are_named(tmp_path: Path) -> None:
    for line, name in (('source = "x.zip"', "x.zip"), ('source = "x.zip"\nname = "X"', "X")):
        text = GOOD.replace("[training]", f"[data]\n{line}\n[training]")
        assert read_recipe(written(tmp_path, text)).data.name == name
