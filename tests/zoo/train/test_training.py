import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from bnnaudit.config.card import Settings, settings_for
from bnnaudit.core.errors import UsageError
from bnnaudit.core.replacing import replace_together
from bnnaudit.zoo.train.digits import load_digits_split
from bnnaudit.zoo.train.publishing import read_digests, write_digests
from bnnaudit.zoo.train.recipes import AdversarialTable, ExportFormat, Recipe, build_network
from bnnaudit.zoo.train.training import TrainingResult, as_tensors, train, written_names


@pytest.fixture(scope="module")
def made(tiny: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingResult, Path]:
    folder = tmp_path_factory.mktemp("made")
    return train(tiny, folder), folder


def test_training_again_gives_the_same_bytes(tiny: Recipe, made: tuple[TrainingResult, Path], tmp_path: Path) -> None:
    torch.manual_seed(99)
    heard: list[tuple[int, int, float]] = []
    again = train(tiny, tmp_path, lambda *told: heard.append(told))
    result, folder = made
    assert again.clean_accuracy == result.clean_accuracy
    assert [(epoch, epochs) for epoch, epochs, _ in heard] == [(1, 2), (2, 2)]
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in folder.iterdir()}
    assert all((folder / path.name).read_bytes() == path.read_bytes() for path in tmp_path.iterdir())


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
    names = [path.name for path in (tmp_path / "first").iterdir()]
    assert all((tmp_path / "first" / n).read_bytes() == (tmp_path / "second" / n).read_bytes() for n in names)


def test_digests_of_other_files_stay(tmp_path: Path) -> None:
    known: Mapping[str, str] = {}
    for name in ("b", "a"):
        (tmp_path / name).write_text(name, encoding="utf-8")
        write_digests(known, [tmp_path / name], tmp_path / "SHA256SUMS")
        known = read_digests(tmp_path / "SHA256SUMS")
    digests = read_digests(tmp_path / "SHA256SUMS")
    assert list(digests) == ["a", "b"]
    assert digests["a"] == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"


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
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("failing", range(8))
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
    if failing < 5:
        with pytest.raises(UsageError, match="No space left on device"):
            train(tiny.model_copy(update={"seed": 4}), tmp_path)
        assert state(tmp_path) == before
    else:
        train(tiny.model_copy(update={"seed": 4}), tmp_path)
        assert read_digests(tmp_path / "SHA256SUMS").keys() == state(tmp_path).keys() - {"SHA256SUMS"}


def test_a_process_that_is_killed_leaves_no_card_of_other_weights(
    tiny: Recipe, made: tuple[TrainingResult, Path], tmp_path: Path
) -> None:
    """After each step of putting the files in place: with a card, all are of one network."""
    names = written_names(tiny)
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
