import hashlib
import json
import os
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from bnnaudit.config.card import Settings, settings_for
from bnnaudit.core.errors import CheckpointError, DataError, SettingsError, UsageError
from bnnaudit.core.replacing import replace_together
from bnnaudit.models.checkpoint.state_dict import read_state_dict
from bnnaudit.zoo.train.digits import load_digits_split
from bnnaudit.zoo.train.export import onnx_bytes
from bnnaudit.zoo.train.images import Images
from bnnaudit.zoo.train.publishing import images_name, keeps_images, read_digests, written_names
from bnnaudit.zoo.train.recipes import build_network
from bnnaudit.zoo.train.state import State
from bnnaudit.zoo.train.tables import (
    AdversarialTable,
    ArchitectureTable,
    DataTable,
    DistillationTable,
    ExportFormat,
    ExportTable,
    Recipe,
    StartTable,
)
from bnnaudit.zoo.train.training import Surroundings, TrainingResult, train
from tests.zoo.train.pictures import pictures


class Heard:
    """What a watcher is told."""

    def __init__(self) -> None:
        self.plan = self.steps = 0

    def planned(self, steps: int) -> None:
        self.plan = steps

    def stepped(self, state: State) -> None:
        self.steps += 1


def files(folder: Path) -> dict[str, bytes]:
    """All but the log, which says how long it took."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".jsonl"}


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "tiny-log.jsonl").read_text(encoding="utf-8").splitlines()]


def figures(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "seconds"}


def as_tensors(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """The digits as an audit reads them: (N, 1, 8, 8), float32 in [0, 1], and their labels."""
    return (torch.from_numpy(images.x).float() / 255)[:, None], torch.from_numpy(images.y)


@pytest.fixture(scope="module")
def made(tiny: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingResult, Path]:
    folder = tmp_path_factory.mktemp("made")
    return train(tiny, folder), folder


def test_training_again_gives_the_same_bytes(tiny: Recipe, made: tuple[TrainingResult, Path], tmp_path: Path) -> None:
    torch.manual_seed(99)
    heard = Heard()
    again = train(tiny, tmp_path, Surroundings(watcher=heard))
    result, folder = made
    assert again.clean_accuracy == result.clean_accuracy
    assert (heard.plan, heard.steps) == (20, 20)  # two epochs of 297 images in batches of 32
    assert files(tmp_path) == files(folder)
    assert [figures(row) for row in log(tmp_path)] == [figures(row) for row in log(folder)]


def test_another_seed_gives_another_network(tiny: Recipe, made: tuple[TrainingResult, Path], tmp_path: Path) -> None:
    train(tiny.model_copy(update={"seed": 4}), tmp_path)
    assert (tmp_path / "tiny.safetensors").read_bytes() != (made[1] / "tiny.safetensors").read_bytes()


def test_onnx_runtime_agrees_with_torch(made: tuple[TrainingResult, Path]) -> None:
    result, folder = made
    images, _ = as_tensors(load_digits_split(1500, 1).test)
    session = onnxruntime.InferenceSession(str(folder / "tiny.onnx"), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"images": images.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(logits, result.network(images).numpy(), rtol=1e-5, atol=1e-5)


def test_the_onnx_file_is_clean(made: tuple[TrainingResult, Path]) -> None:
    model = onnx.load(made[1] / "tiny.onnx")
    (batch, *rest) = model.graph.input[0].type.tensor_type.shape.dim
    assert batch.dim_param == "batch"
    assert [axis.dim_value for axis in rest] == [1, 8, 8]
    assert {node.op_type for node in model.graph.node} == {"Conv", "GreaterOrEqual", "Where", "Reshape", "Gemm"}
    assert not any(node.metadata_props for node in model.graph.node)
    assert b".py" not in model.SerializeToString()


def test_the_checkpoint_fits_the_architecture(tiny: Recipe, made: tuple[TrainingResult, Path]) -> None:
    result, folder = made
    network = build_network(tiny)
    unmatched = network.load_state_dict(load_file(folder / "tiny.safetensors"), strict=False)
    assert all(name.endswith("num_batches_tracked") for name in unmatched.missing_keys)
    assert not unmatched.unexpected_keys
    images, _ = as_tensors(load_digits_split(1500, 1).test)
    with torch.no_grad():
        assert torch.equal(network.eval()(images), result.network(images))


def test_the_card_says_what_was_made(tiny: Recipe, made: tuple[TrainingResult, Path]) -> None:
    result, folder = made
    card = settings_for(folder / "tiny.onnx", Settings(), folder)
    assert card.description == "binary weights and activations"
    assert (card.data.source, card.data.samples) == (str(folder / "digits-test.npz"), 50)
    assert (str(card.threat.norm), card.threat.eps) == ("linf", 0.1)
    assert card.declared.clean_accuracy == pytest.approx(result.clean_accuracy, abs=5e-5)
    assert card.architecture.options == tiny.architecture.options


def test_accuracy_is_that_of_the_held_out_images(made: tuple[TrainingResult, Path]) -> None:
    result, folder = made
    with np.load(folder / "digits-test.npz") as stored:
        images, labels = torch.from_numpy(stored["x"]) / 255, torch.from_numpy(stored["y"])
    with torch.no_grad():
        right = result.network(images[:, None]).argmax(1) == labels
    assert result.clean_accuracy == right.sum().item() / 1500
    assert result.clean_accuracy > 0.3


def test_adversarial_training_repeats_too(tiny: Recipe, tmp_path: Path) -> None:
    table = AdversarialTable(eps=0.1, steps=2, step_size=0.05, warmup=1)
    recipe = tiny.model_copy(update={"adversarial": table})
    train(recipe, tmp_path / "first")
    train(recipe, tmp_path / "second")
    assert files(tmp_path / "first") == files(tmp_path / "second")


def test_digests_of_other_files_stay(tiny: Recipe, made: tuple[TrainingResult, Path], tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  other.onnx\n{'1' * 64}  tiny.toml\n", encoding="utf-8")
    train(tiny, tmp_path)
    digests = read_digests(tmp_path / "SHA256SUMS")
    assert list(digests) == ["digits-test.npz", "other.onnx", "tiny.onnx", "tiny.safetensors", "tiny.toml"]
    assert digests["other.onnx"] == "0" * 64
    for name in digests.keys() - {"other.onnx"}:
        assert digests[name] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_a_file_in_the_way_of_the_folder(tiny: Recipe, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be written to"):
        train(tiny, tmp_path / "taken")


@pytest.mark.parametrize("content", [b"nonsense\n", b"\xff\n", b"a  b\n" * 2**18])
def test_a_list_of_digests_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "SHA256SUMS").write_bytes(content)
    with pytest.raises(UsageError, match="not a list"):
        read_digests(tmp_path / "SHA256SUMS")


def state(folder: Path) -> dict[str, bytes]:
    """All but what an unfinished training keeps."""
    kept = (".checkpoint", "-unfinished.jsonl")
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(kept)}


@pytest.mark.parametrize("failing", range(11))
def test_either_all_files_are_replaced_or_none(
    tiny: Recipe, made: tuple[TrainingResult, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Whichever file cannot be put in place, what was there is there again, whole."""
    for path in made[1].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "digits-test.npz").unlink()
    before, moves, replace = state(tmp_path), iter(range(100)), Path.replace

    def fail(self: Path, target: Path) -> Path:
        if next(moves) == failing:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    if failing < 9:  # two logs, a checkpoint, six files
        with pytest.raises(UsageError, match="No space left on device"):
            train(tiny.model_copy(update={"seed": 4}), tmp_path)
        assert state(tmp_path) == before
        monkeypatch.setattr(Path, "replace", replace)
    if failing < 9:  # nothing is lost but the step that failed
        heard = Heard()
        train(tiny.model_copy(update={"seed": 4}), tmp_path, Surroundings(watcher=heard))
        assert heard.plan == (20 if failing < 3 else 0)
        assert state(tmp_path) != before
    else:
        train(tiny.model_copy(update={"seed": 4}), tmp_path)
        assert read_digests(tmp_path / "SHA256SUMS").keys() == state(tmp_path).keys() - {"SHA256SUMS", "tiny-log.jsonl"}


def test_a_process_that_is_killed_leaves_no_card_of_other_weights(
    tiny: Recipe, made: tuple[TrainingResult, Path], tmp_path: Path
) -> None:
    """After each step of putting the files in place: with a card, all are of one network."""
    names = written_names(tiny, True)
    assert names[-2:] == ("tiny.toml", "SHA256SUMS")
    for last in range(len(names) + 1):
        new, place = tmp_path / f"new{last}", tmp_path / f"place{last}"
        new.mkdir()
        place.mkdir()
        for name in names:
            (place / name).write_text("old")
            (new / name).write_text("new")
        child = os.fork()
        if child == 0:
            _end_after(last, new, place, names)
        assert os.waitpid(child, 0)[1] == 0
        found = {name: (place / name).read_text() for name in names if (place / name).exists()}
        assert "tiny.toml" not in found or len({found[name] for name in names[:-1]}) == 1
        assert last < len(names) or set(found.values()) == {"new"}


def _end_after(moves: int, new: Path, place: Path, names: tuple[str, ...]) -> None:
    """Ends this process, as if killed, when so many files have been moved."""
    replace: Callable[[Path, Path], Path] = Path.replace
    done: list[Path] = []

    def end(self: Path, target: Path) -> Path:
        if len(done) == moves:
            os._exit(0)
        done.append(target)
        return replace(self, target)

    Path.replace = end  # type: ignore[method-assign, assignment]
    replace_together(new, place, names, "tiny.toml")
    os._exit(0)


@pytest.mark.parametrize("name", ["tiny.onnx", "tiny.toml", "digits-test.npz", "SHA256SUMS"])
def test_what_is_no_file_is_not_replaced(tiny: Recipe, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match="not a file"):
        train(tiny, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_weights_that_the_new_card_is_not_about(tiny: Recipe, tmp_path: Path) -> None:
    (tmp_path / "tiny.safetensors").write_bytes(b"of an earlier training")
    export = tiny.export.model_copy(update={"formats": (ExportFormat.ONNX,)})
    with pytest.raises(UsageError, match=r"tiny\.safetensors: the new card tiny\.toml would be taken for its own"):
        train(tiny.model_copy(update={"export": export}), tmp_path)


def test_the_log_has_a_line_for_each_epoch(tiny: Recipe, made: tuple[TrainingResult, Path]) -> None:
    result, folder = made
    head, *epochs, last = log(folder)
    assert (head["data"], head["train_images"], head["test_images"]) == ("digits", 297, 1500)
    assert [row["epoch"] for row in epochs] == [1, 2]
    assert epochs[-1]["test_accuracy"] == last["clean_accuracy"] == result.clean_accuracy
    assert epochs[1]["learning_rate"] < epochs[0]["learning_rate"]
    assert last["onnx_runtime_agrees"] == 1.0


def test_the_recipe_is_copied_beside_the_network(tiny: Recipe, tmp_path: Path) -> None:
    recipe = tmp_path / "as-typed.toml"
    recipe.write_text("# as typed\n", encoding="utf-8")
    result = train(tiny, tmp_path / "made", Surroundings(file=recipe))
    copy = tmp_path / "made" / "recipes" / "tiny.toml"
    assert copy in result.files
    assert copy.read_text(encoding="utf-8") == "# as typed\n"
    assert log(tmp_path / "made")[0]["recipe_sha256"] == hashlib.sha256(b"# as typed\n").hexdigest()


def test_packed_weights_are_those_of_the_network(tiny: Recipe, tmp_path: Path) -> None:
    export = ExportTable(formats=(ExportFormat.SAFETENSORS,), packed=True, latent=True)
    result = train(tiny.model_copy(update={"export": export}), tmp_path)
    _, weights = read_state_dict(tmp_path / "tiny.safetensors")
    own = result.network.state_dict()
    assert {name for name in own if not name.endswith("num_batches_tracked")} == weights.keys()
    assert all(torch.equal(weights[name], own[name]) for name in weights)
    _, latent = read_state_dict(tmp_path / "tiny-latent.safetensors")
    assert set(weights["0.weight"].unique().tolist()) == {-1.0, 1.0}
    assert torch.equal(
        latent["0.weight"].float().sign().where(latent["0.weight"] != 0, torch.tensor(1.0)), weights["0.weight"]
    )
    assert len(latent["0.weight"].unique()) > 2


def test_a_training_starts_from_another_networks_weights(tiny: Recipe, tmp_path: Path) -> None:
    """With a rate that moves nothing, the network is the other one."""
    export = ExportTable(formats=(ExportFormat.SAFETENSORS,), latent=True)
    first = train(tiny.model_copy(update={"name": "clean", "export": export}), tmp_path)
    still = tiny.training.model_copy(update={"learning_rate": 1e-30, "epochs": 1})
    later = tiny.model_copy(
        update={"training": still, "start": StartTable(weights="clean-latent.safetensors"), "seed": 9}
    )
    second = train(later, tmp_path)
    weights, others = (dict(result.network.named_parameters()) for result in (first, second))
    assert all(torch.equal(weights[name], others[name]) for name in weights)


def test_a_network_learns_from_another_one(tiny: Recipe, tmp_path: Path) -> None:
    """Nothing but its scores: the labels have no weight."""
    export = ExportTable(formats=(ExportFormat.SAFETENSORS,))
    teacher = tiny.model_copy(update={"name": "teacher", "export": export, "data": DataTable(held_out=597)})
    plan = teacher.training.model_copy(update={"epochs": 8})
    floats = ArchitectureTable(name="cnn", options={"channels": [8, 8]})
    teacher = teacher.model_copy(update={"training": plan, "architecture": floats})
    taught = train(teacher, tmp_path)
    table = DistillationTable(teacher="teacher.toml", temperature=8.0, weight=1.0)
    student = train(teacher.model_copy(update={"name": "student", "seed": 8, "distillation": table}), tmp_path)
    images, _ = as_tensors(load_digits_split(597, 0).test)
    with torch.no_grad():
        same = taught.network(images).argmax(1) == student.network(images).argmax(1)
    assert same.double().mean() > 0.9


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"start": StartTable(weights="absent.safetensors")}, r"start.weights: no file absent.safetensors \(looked in"),
        ({"distillation": DistillationTable(teacher="absent.toml")}, r"distillation.teacher: no file absent.toml"),
    ],
)
def test_networks_that_are_not_there(tiny: Recipe, tmp_path: Path, table: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        train(tiny.model_copy(update=table), tmp_path)


def test_data_whose_images_the_network_does_not_take(tiny: Recipe, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((9, 5, 5, 3), np.uint8), y=np.arange(9) % 2)
    recipe = tiny.model_copy(update={"data": DataTable(source=str(tmp_path / "x.npz"), held_out=3)})
    with pytest.raises(SettingsError, match="does not take 3x5x5 images"):
        train(recipe, tmp_path)


@pytest.mark.parametrize(
    ("source", "name", "file"),
    [("digits", "digits", "digits-test.npz"), ("my data/cats & dogs.zip", "cats & dogs.zip", "cats-dogs-test.npz")],
)
def test_the_file_of_held_out_images_has_a_plain_name(tiny: Recipe, source: str, name: str, file: str) -> None:
    data = DataTable(source=source)
    assert data.name == name
    assert images_name(tiny.model_copy(update={"data": data})) == file


def test_from_a_folder_of_images_to_a_network_and_its_card(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures of two colours, in two sizes; the card names the held-out ones, so that an audit needs nothing else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for label, colour in enumerate(((250, 30, 30), (30, 30, 250))):
        (tmp_path / "photos" / str(label)).mkdir(parents=True)
        for index in range(20):
            noise = np.random.default_rng([label, index]).integers(-30, 30, (10 + index % 2, 12, 3))
            pixels = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / str(label) / f"{index}.png")
    options = {"in_channels": 3, "channels": [4, 8], "classes": 2, "weights": "binary"}
    recipe = tiny.model_copy(
        update={
            "architecture": ArchitectureTable(name="cnn", options=options),
            "data": DataTable(source=str(tmp_path / "photos"), held_out=10, size=(8, 8)),
            "training": tiny.training.model_copy(update={"epochs": 8, "batch_size": 8}),
        }
    )
    result = train(recipe, tmp_path / "made")
    assert result.clean_accuracy == 1.0
    card = settings_for(tmp_path / "made" / "tiny.onnx", Settings(), tmp_path / "made")
    assert card.data.source == str(tmp_path / "made" / "photos-test.npz")
    with np.load(tmp_path / "made" / "photos-test.npz") as stored:
        assert stored["x"].shape == (10, 8, 8, 3)


def test_test_images_of_a_folder_lie_beside_the_network(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the network was judged on them, at its size: an audit resizes no pictures that are all of one size."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for part in ("train", "test"):
        pictures(tmp_path / "photos" / part, {"a": 6, "b": 6}, width=16, height=12)
    options = {"in_channels": 3, "channels": [4], "classes": 2}
    recipe = tiny.model_copy(
        update={
            "architecture": ArchitectureTable(name="cnn", options=options),
            "data": DataTable(source=str(tmp_path / "photos"), size=(8, 8)),
            "training": tiny.training.model_copy(update={"epochs": 1, "batch_size": 8}),
        }
    )
    train(recipe, tmp_path / "made")
    card = settings_for(tmp_path / "made" / "tiny.onnx", Settings(), tmp_path / "made")
    assert card.data.source == str(tmp_path / "made" / "photos-test.npz")
    with np.load(tmp_path / "made" / "photos-test.npz") as stored:
        assert stored["x"].shape == (12, 8, 8, 3)
        assert stored["y"].tolist() == [0] * 6 + [1] * 6
    assert "photos-test.npz" in read_digests(tmp_path / "made" / "SHA256SUMS")


@pytest.mark.parametrize(
    ("source", "data", "drawn", "kept"),
    [
        ("digits", None, True, True),
        ("photos", None, True, True),
        ("photos", None, False, True),
        ("photos", "CIFAR10", False, False),
        ("cifar10", None, False, False),
    ],
)
def test_torchvisions_images_are_not_copied(
    tiny: Recipe, source: str, data: str | None, drawn: bool, kept: bool
) -> None:
    card = tiny.card.model_copy(update={"data": data})
    recipe = tiny.model_copy(update={"data": DataTable(source=source), "card": card})
    assert keeps_images(recipe, drawn) is kept
    assert (images_name(recipe) in written_names(recipe, drawn)) is kept


def test_what_is_missing_to_write_onnx_is_told_before_training(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UsageError, match=r"install bnnaudit\[train\]"):
        train(tiny, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_images_by_which_another_network_is_judged_are_kept(
    tiny: Recipe, made: tuple[TrainingResult, Path], tmp_path: Path
) -> None:
    quick = tiny.model_copy(update={"export": ExportTable(formats=(ExportFormat.SAFETENSORS,))})
    train(quick, tmp_path)
    before = files(tmp_path)
    other = quick.model_copy(update={"name": "other", "data": tiny.data.model_copy(update={"seed": 2})})
    with pytest.raises(UsageError, match=r"digits-test.npz: other held-out images, which tiny.toml is judged by"):
        train(other, tmp_path)
    assert files(tmp_path) == before
    train(other.model_copy(update={"data": quick.data}), tmp_path)  # the same images serve both
    again = quick.model_copy(update={"name": "tiny", "data": other.data})
    with pytest.raises(UsageError, match=r"which other.toml is judged by"):
        train(again, tmp_path)


def test_a_network_may_be_trained_again_on_other_images(tiny: Recipe, tmp_path: Path) -> None:
    quick = tiny.model_copy(update={"export": ExportTable(formats=(ExportFormat.SAFETENSORS,))})
    train(quick, tmp_path)
    before = (tmp_path / "digits-test.npz").read_bytes()
    train(quick.model_copy(update={"data": tiny.data.model_copy(update={"seed": 2})}), tmp_path)
    assert (tmp_path / "digits-test.npz").read_bytes() != before


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"data": {"held_out": 1500, "mean": [0.1, 0.2]}}, "tiny: data.mean: 2 values, but the images have 1 channel"),
        ({"data": {"held_out": 1500, "std": [0.1, 0.2, 0.3]}}, "tiny: data.std: 3 values"),
        (
            {"training": {"epochs": 1, "shift": 8}},
            "tiny: training.shift: moves images of 8x8 pixels by 8, out of sight",
        ),
        ({"training": {"epochs": 1, "shift": 10**9}}, "out of sight"),
        ({"data": {"held_out": 1500, "images": 1}}, "digits: one image to train on"),
        ({"data": {"held_out": 1796}}, "digits: one image to train on"),
    ],
)
def test_numbers_that_do_not_fit_the_images(tables: dict[str, Any], said: str, tiny: Recipe, tmp_path: Path) -> None:
    recipe = Recipe.model_validate({**tiny.model_dump(), **tables})
    with pytest.raises((DataError, SettingsError), match=said):
        train(recipe, tmp_path)


@pytest.mark.parametrize("table", [{"mean": [1e300]}, {"std": [1e-320]}, {"std": [0.0]}, {"std": [1e300]}])
def test_normalisations_that_no_card_may_name(table: dict[str, Any], tiny: Recipe) -> None:
    with pytest.raises(ValueError, match=r"data\.(mean|std)"):
        Recipe.model_validate({**tiny.model_dump(), "data": table})


@pytest.mark.parametrize("rate", [1e300, 1e200])
def test_weights_that_are_no_numbers_are_not_written(rate: float, tiny: Recipe, tmp_path: Path) -> None:
    plan = tiny.training.model_copy(update={"learning_rate": rate, "weight_decay": 1e200})
    recipe = tiny.model_copy(
        update={"training": plan, "architecture": ArchitectureTable(name="mlp", options={"hidden": [4]})}
    )
    with pytest.raises(UsageError, match="no finite numbers after epoch 1; train anew"):
        train(recipe, tmp_path)
    assert not {path.suffix for path in tmp_path.iterdir()} & {".onnx", ".safetensors", ".toml"}


def test_weights_to_start_from_may_be_a_checkpoint_of_torch(tiny: Recipe, tmp_path: Path) -> None:
    quick = tiny.model_copy(update={"export": ExportTable(formats=(ExportFormat.SAFETENSORS,), latent=True)})
    train(quick, tmp_path)
    torch.save(load_file(tmp_path / "tiny-latent.safetensors"), tmp_path / "latent.pt")
    weights = {}
    for name in ("tiny-latent.safetensors", "latent.pt"):
        recipe = quick.model_copy(update={"name": "next", "start": StartTable(weights=name)})
        weights[name] = train(recipe, tmp_path).network.state_dict()
    first, second = weights.values()
    assert all(torch.equal(first[name], second[name]) for name in first)


GOOD = 'name = "mlp"\n[architecture.options]\nhidden = [4]\n'


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ("", "missing key architecture"),
        ("architecture = 3", "not the card of a teacher: architecture"),
        ('[architecture]\nname = ["mlp"]', "architecture.name"),
        ('[architecture]\nname = "mlp"\noptions = [1]', "architecture.options"),
        ('[architecture]\nname = "os:system"', "is not one of"),
        (f"preprocessing = 4\n[architecture]\n{GOOD}", "preprocessing"),
        (
            f"[architecture]\n{GOOD}[preprocessing]\nmean = [1, 2, 3]",
            "preprocessing.mean: 3 values, but the images have 1",
        ),
        (f"[architecture]\n{GOOD}[preprocessing]\ninput_range = [0, 255]", "unknown key preprocessing.input_range"),
        (f"[architecture]\n{GOOD}classes = 3", "does not fit the architecture"),
    ],
)
def test_cards_of_teachers_that_cannot_be_used(card: str, said: str, tiny: Recipe, tmp_path: Path) -> None:
    teacher = tiny.model_copy(
        update={
            "name": "teacher",
            "architecture": ArchitectureTable(name="mlp", options={"hidden": [4]}),
            "export": ExportTable(formats=(ExportFormat.SAFETENSORS,)),
        }
    )
    train(teacher, tmp_path)
    (tmp_path / "teacher.toml").write_text(card)
    pupil = tiny.model_copy(update={"distillation": DistillationTable(teacher="teacher.toml")})
    with pytest.raises((SettingsError, CheckpointError), match=said):
        train(pupil, tmp_path)


def test_a_teacher_of_other_classes(tiny: Recipe, tmp_path: Path) -> None:
    made = ArchitectureTable(name="mlp", options={"hidden": [4], "classes": 3})
    weights = build_network(tiny.model_copy(update={"architecture": made})).state_dict()
    save_file(weights, tmp_path / "teacher.safetensors")
    (tmp_path / "teacher.toml").write_text(f"[architecture]\n{GOOD}classes = 3")
    pupil = tiny.model_copy(update={"distillation": DistillationTable(teacher="teacher.toml")})
    with pytest.raises(SettingsError, match="3 classes, but the data have 10"):
        train(pupil, tmp_path)


def test_any_words_make_a_card_that_can_be_read(tiny: Recipe, tmp_path: Path) -> None:
    odd = 'a\x7fb"\\\n\x1b[31m\u2028\u202e='
    recipe = tiny.model_copy(
        update={
            "description": odd,
            "data": tiny.data.model_copy(update={"name": odd}),
            "card": tiny.card.model_copy(update={"kind": odd}),
            "export": ExportTable(formats=(ExportFormat.SAFETENSORS,)),
        }
    )
    train(recipe, tmp_path)
    card = tomllib.loads((tmp_path / "tiny.toml").read_text(encoding="utf-8"))
    assert (card["description"], card["training"]["data"], card["training"]["kind"]) == (odd, odd, odd)


def test_networks_that_are_done_meanwhile_keep_their_digests(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exporting(*args: Any) -> bytes:
        train(other, tmp_path)  # finishes while this one is exported
        return onnx_bytes(*args)

    other = tiny.model_copy(update={"name": "other", "export": ExportTable(formats=(ExportFormat.SAFETENSORS,))})
    monkeypatch.setattr("bnnaudit.zoo.train.publishing.onnx_bytes", exporting)
    train(tiny, tmp_path)
    assert {"other.safetensors", "tiny.onnx"} <= read_digests(tmp_path / "SHA256SUMS").keys()
