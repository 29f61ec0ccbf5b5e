"""Audits from Python: the engine of the command line, whatever form model and data are in; nothing of the caller is changed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import bnnaudit
from bnnaudit.cli.main import run
from bnnaudit.config.card import Settings, settings_for
from bnnaudit.zoo.architectures import ARCHITECTURES
from tests.networks.checkpoints import write_checkpoint
from tests.paths import SAMPLE_MODELS

WEIGHTS = SAMPLE_MODELS / "digits-bnn-waq.safetensors"
DIGITS = SAMPLE_MODELS / "digits-test.npz"
QUICK: dict[str, Any] = {"effort": "quick", "samples": 40}


class Net(nn.Module):
    """16 values in 0..1 -> 3 classes; fast enough to audit many times."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.linear = nn.Linear(16, 3, bias=False)
        self.linear.weight.data = torch.randn(3, 16, generator=generator) * 4
        self.dropout = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.linear(self.dropout(images.flatten(1) - 0.5))
        return scores


PIXELS = np.random.default_rng(0).integers(0, 256, (60, 1, 4, 4), dtype=np.uint8)
FLOATS = torch.from_numpy(PIXELS).float() / 255
LABELS = Net().eval()(FLOATS).argmax(1).numpy().astype(np.int64)


class Items(Dataset[Any]):
    """Images one by one, which counts how many were read."""

    def __init__(
        self, images: Tensor, item: Callable[[Tensor, int], Any] = lambda image, label: (image, label)
    ) -> None:
        self.images, self.item, self.read = images, item, 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        self.read += 1
        return self.item(self.images[index], int(LABELS[index]))


class Stream(IterableDataset[Any]):
    """The same one after another, of unknown number."""

    def __iter__(self) -> Iterator[Any]:
        return zip(FLOATS, LABELS, strict=True)


def measured(report: bnnaudit.Report, *without: str) -> dict[str, Any]:
    """What a report says apart from its source, its time and the parts of the model that are named."""
    document: dict[str, Any] = json.loads(report.to_json())
    del document["created"], document["command"]
    for part, keys in (("data", ("source", "sha256")), ("model", without)):
        for key in keys:
            del document[part][key]
    for row in document["attacks"]:
        del row["seconds"]
        for part in row.get("parts") or ():
            part.pop("seconds", None)
    return document


@pytest.fixture(scope="module")
def plain() -> bnnaudit.Report:
    return bnnaudit.audit(Net(), (PIXELS, LABELS), "linf:0.1", **QUICK)


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    np.savez(tmp_path / "images.npz", x=PIXELS, y=LABELS)
    return tmp_path / "images.npz"


def digits_network() -> nn.Module:
    """The sample network with binary weights and activations, as its card describes it."""
    card = settings_for(WEIGHTS, Settings(), SAMPLE_MODELS).architecture
    assert card.name is not None
    network = ARCHITECTURES[card.name](**(card.options or {}))
    network.load_state_dict(load_file(WEIGHTS))
    return network


def test_a_module_in_memory_gives_the_figures_of_its_checkpoint_and_the_verdict_of_its_onnx_file() -> None:
    with np.load(DIGITS) as stored:
        images, labels = stored["x"], stored["y"]
    declared = {"declared": {"clean_accuracy": 0.9749}}
    module = bnnaudit.audit(digits_network(), (images, labels), "linf:0.2", settings=declared, **QUICK)
    file = bnnaudit.audit(WEIGHTS, **QUICK)
    own = ("path", "sha256", "format", "runtime", "metadata")
    assert measured(module, *own) == measured(file, *own)
    onnx = bnnaudit.audit(WEIGHTS.with_suffix(".onnx"), **QUICK)
    assert onnx.verdict is not None
    assert module.verdict is not None
    assert onnx.verdict.status is module.verdict.status is bnnaudit.Status.FAKE
    # Its sums are in another order, so that ordinary PGD goes other ways.
    assert onnx.figures()["claimed"] == pytest.approx(module.figures()["claimed"], abs=0.1)
    assert onnx.figures()["verified"] == module.figures()["verified"] == 0
    assert onnx.figures()["clean"] == module.figures()["clean"]


def test_the_report_says_that_the_module_itself_is_the_deployed_model(plain: bnnaudit.Report) -> None:
    facts = plain.model
    assert (facts.path, facts.format) == ("Net", "module")
    assert facts.runtime == f"the module itself, torch {torch.__version__.partition('+')[0]}"
    assert dict(facts.metadata)["sha256"].endswith("of the state dict, in the order of the names")
    assert "PyTorch module in memory, deployed as it is" in plain.render("terminal")
    assert plain.provenance.command == "bnnaudit.audit(<Net>, <tuple>, threat='linf:0.1', effort='quick', samples=40)"
    assert bnnaudit.audit(Net(), (PIXELS, LABELS), 0.1, name="release 7", **QUICK).model.path == "release 7"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param((FLOATS, torch.from_numpy(LABELS)), id="tensors"),
        pytest.param((FLOATS.numpy(), LABELS.tolist()), id="array and list"),
        pytest.param({"x": PIXELS, "y": LABELS}, id="mapping"),
        pytest.param({"images": FLOATS, "labels": LABELS}, id="mapping of other names"),
        pytest.param(Items(FLOATS), id="Dataset"),
        pytest.param(Items(FLOATS, lambda image, label: {"image": image, "label": label}), id="Dataset of mappings"),
        pytest.param(list(zip(FLOATS, LABELS, strict=True)), id="list"),
        pytest.param(DataLoader(TensorDataset(FLOATS, torch.from_numpy(LABELS)), batch_size=7), id="DataLoader"),
        pytest.param(DataLoader(Items(FLOATS), batch_size=7, shuffle=True), id="shuffled DataLoader"),
        pytest.param(DataLoader(Stream(), batch_size=7), id="DataLoader of a stream"),
        pytest.param(Stream(), id="stream"),
    ],
)
def test_the_form_of_the_data_changes_nothing(data: Any, plain: bnnaudit.Report) -> None:
    assert measured(bnnaudit.audit(Net(), data, "linf:0.1", **QUICK)) == measured(plain)


def test_a_file_of_the_same_images_gives_the_same(npz: Path, plain: bnnaudit.Report) -> None:
    assert measured(bnnaudit.audit(Net(), npz, ("linf", "0.1"), **QUICK)) == measured(plain)


def test_normalised_images_are_those_from_before(plain: bnnaudit.Report) -> None:
    """The network is fed by mean and std in both cases; in one of them the data set has done so already."""
    fed: dict[str, Any] = {"mean": 0.4, "std": (0.3,), **QUICK}
    raw = bnnaudit.audit(Net(), (PIXELS, LABELS), "linf:0.1", **fed)
    ready = bnnaudit.audit(Net(), DataLoader(Items((FLOATS - 0.4) / 0.3)), "linf:0.1", **fed)
    assert measured(ready) == measured(raw) != measured(plain)
    assert ready.data.source == "DataLoader of Items (normalisation undone)"
    assert raw.data.source == "arrays in memory"


def test_of_a_data_set_of_known_length_only_the_sample_is_read() -> None:
    items = Items(FLOATS)
    report = bnnaudit.audit(Net(), items, "linf:0.1", effort="quick", samples=10, substitute=False)
    assert items.read == 10
    assert report.extent is not None
    assert report.extent.available == 10
    assert max(row.index for row in report.images) > 10


def test_the_module_stays_as_it_was() -> None:
    network, calls = Net(), []
    network.train()
    network.linear.eval()
    network.linear.weight.requires_grad_(False)
    network(FLOATS.double().float().requires_grad_()).sum().backward()
    network.linear.weight.grad = torch.full((3, 16), 7.0)
    network.register_forward_hook(lambda *_: calls.append(1))
    weights, hooks = network.linear.weight, dict(network._forward_hooks)
    before = weights.detach().clone()
    bnnaudit.audit(network, (PIXELS, LABELS), "linf:0.1", **QUICK)
    assert [module.training for module in network.modules()] == [True, False, True]
    assert network.linear.weight is weights
    assert not weights.requires_grad
    assert torch.equal(weights, before)
    assert weights.grad is not None
    assert bool((weights.grad == 7).all())
    assert dict(network._forward_hooks) == hooks
    assert weights.dtype is torch.float32


def test_dropout_of_a_module_in_training_is_off(plain: bnnaudit.Report) -> None:
    """The labels are the network's own answers without dropout."""
    assert plain.clean_accuracy is not None
    assert plain.clean_accuracy.value == 1


def test_the_deployed_module_keeps_its_own_precision() -> None:
    """In bfloat16 the scores have other values than in single precision, and the report is of the former."""
    network = Net().bfloat16()
    report = bnnaudit.audit(network, (PIXELS, LABELS), "linf:0.02", **QUICK)
    with torch.no_grad():
        expected = network.eval()(FLOATS.bfloat16()).argmax(1).numpy()
    assert network.linear.weight.dtype is torch.bfloat16
    assert [row.clean_prediction for row in report.images] == [int(expected[row.index]) for row in report.images]


def state() -> tuple[Any, ...]:
    return (
        random.getstate(),
        torch.get_rng_state().tolist(),
        [np.asarray(part).tolist() for part in np.random.get_state()],
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"),
        str(torch.get_default_device()),
    )


class Randomly(Items):
    """Takes random numbers from everywhere, and fails at the end where it is told to."""

    def __init__(self, fails: bool) -> None:
        super().__init__(FLOATS)
        self.fails = fails

    def __getitem__(self, index: int) -> Any:
        if self.fails and self.read == 30:
            raise OSError("the disk is gone")
        noise = random.random() + np.random.random() + float(torch.rand(()))
        image, label = super().__getitem__(index)
        return image * (1 - 0.01 * noise), label


@pytest.mark.parametrize("fails", [False, True])
def test_the_caller_s_process_is_as_before(fails: bool) -> None:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(11)
    try:
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            network = Net().float()
            before = state()
            if fails:
                with pytest.raises(bnnaudit.AuditError, match=r"Randomly: item \d+ cannot be read \(OSError: the disk"):
                    bnnaudit.audit(network, Randomly(True), "linf:0.1", **QUICK)
            else:
                bnnaudit.audit(network, Randomly(False), "linf:0.1", **QUICK)
            assert state() == before
    finally:
        torch.set_default_dtype(torch.float32)


def test_modes_of_the_caller_change_no_figure(plain: bnnaudit.Report) -> None:
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        network = Net()
        again = bnnaudit.audit(network, (PIXELS, LABELS), "linf:0.1", **QUICK)
    assert measured(again) == measured(plain)


def test_the_same_call_gives_the_same_also_with_random_transforms() -> None:
    first, second = (measured(bnnaudit.audit(Net(), Randomly(False), "linf:0.1", seed=3, **QUICK)) for _ in range(2))
    assert first == second


def test_the_gate_decides_and_raises() -> None:
    call: dict[str, Any] = {"threat": "linf:0.05", **QUICK, "samples": 60}
    passed = bnnaudit.audit(Net(), (PIXELS, LABELS), min_clean=0.9, **call)
    assert passed.passed
    assert passed.exit_code is bnnaudit.ExitCode.PASSED
    passed.raise_if_failed()
    failed = bnnaudit.audit(Net(), (PIXELS, LABELS), policy={"min_verified": "99%"}, max_gap=1.0, **call)
    with pytest.raises(bnnaudit.GateFailedError, match=r"^Net: failed: .*min-verified 99 %: at most ") as caught:
        failed.raise_if_failed()
    assert not isinstance(caught.value, bnnaudit.GateUndecidedError)
    assert caught.value.report is failed
    assert failed.gate is not None
    assert failed.gate.policy.limits == bnnaudit.Limits(min_verified=0.99, max_gap=1.0)
    near = round(failed.figures()["verified"], 2)
    undecided = bnnaudit.audit(
        Net(), (PIXELS, LABELS), policy=bnnaudit.Policy(bnnaudit.Limits(min_verified=near)), **call
    )
    with pytest.raises(bnnaudit.GateUndecidedError, match=r"^Net: undecided: min-verified"):
        undecided.raise_if_failed()
    assert undecided.exit_code is bnnaudit.ExitCode.UNFINISHED


def test_the_project_s_policy_holds_and_a_policy_object_replaces_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: bnnaudit.Report
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bnnaudit.toml").write_text("[policy]\nmin_clean = 0.5\nmax_gap = 0.9\n", encoding="utf-8")

    def limits(**said: Any) -> bnnaudit.Limits:
        report = bnnaudit.audit(Net(), (PIXELS, LABELS), "linf:0.1", **said, **QUICK)
        assert report.gate is not None
        return report.gate.policy.limits

    assert limits(min_clean=0.25) == bnnaudit.Limits(min_clean=0.25, max_gap=0.9)
    assert limits(policy=bnnaudit.Policy()) == bnnaudit.Limits()


def test_a_baseline_excuses_what_it_misses_as_well(plain: bnnaudit.Report, tmp_path: Path) -> None:
    stored = plain.save(tmp_path / "released.json")
    call: dict[str, Any] = {"threat": "linf:0.1", "min_verified": 0.9, "baseline": stored, **QUICK}
    same = bnnaudit.audit(Net(), (PIXELS, LABELS), **call)
    same.raise_if_failed()
    assert same.gate is not None
    excused = {criterion.kind: criterion.reason for criterion in same.gate.criteria}
    assert excused["min-verified"].startswith("Not met by the baseline either")
    worse = Net()
    worse.linear.weight.data[1] = -worse.linear.weight.data[0]
    with pytest.raises(bnnaudit.GateFailedError, match="baseline"):
        bnnaudit.audit(worse, (PIXELS, LABELS), **call).raise_if_failed()


def test_it_is_what_the_command_line_reports(npz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = write_checkpoint(Net(), tmp_path / "net.safetensors")
    card = '[architecture]\nname = "tests.test_api:Net"\ninput_shape = [1, 4, 4]\n[data]\nsource = "images.npz"\n'
    weights.with_suffix(".toml").write_text(card, encoding="utf-8")
    stored = tmp_path / "audit.json"
    options = ["--eps", "0.1", "--effort", "quick", "--samples", "40", "--quiet"]
    assert run(["check", str(weights), *options, "--report", str(stored)]) == 0
    capsys.readouterr()
    report = bnnaudit.audit(weights, threat=0.1, **QUICK)
    document = measured(bnnaudit.read_report(stored))
    assert document == measured(report)
    saved = report.save(tmp_path / "own.json")
    assert bnnaudit.read_report(saved) == report
    for format in bnnaudit.ReportFormat:
        written = tmp_path / f"rendered-{format}"
        assert run(["render", str(saved), "--report", f"{format}={written}"]) == 0
        assert written.read_bytes().decode() == report.render(format), format


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"model": 3}, "model: a int is neither a path nor a torch.nn.Module"),
        ({"model": "no.onnx"}, "no.onnx: no such file"),
        ({"model": "no.onnx", "name": "n"}, "name: only a module in memory needs one; a file has its path"),
        ({"data": None}, "data: nothing to audit on; give data=, or [data] source in the model's card"),
        ({"data": "no.npz"}, "no.npz: no such file"),
        ({"data": 3}, "data: a int is not a path, a torchvision name, (images, labels)"),
        ({"data": iter([])}, "; make a list of it"),
        ({"data": []}, "list: no images"),
        ({"data": (PIXELS, LABELS[:5])}, "arrays in memory: 60 images, but labels of shape (5,)"),
        ({"data": (PIXELS, LABELS + 3)}, "60 of 60 labels are outside 0..2"),
        ({"data": ((FLOATS - 0.5) / 0.25, LABELS)}, "are outside of 0..1; eps is a part of the image's range"),
        ({"data": (FLOATS * 2 - 1, LABELS)}, "give input_range=(-1, 1)"),
        ({"data": (FLOATS * torch.nan, LABELS)}, "60 of 60 images hold NaN or infinity"),
        ({"data": (FLOATS, LABELS), "normalised": True}, "normalised=True needs the mean and std"),
        ({"threat": "linf:8"}, "eps: 8 is more than the whole range of a pixel; for 8 of 255 write 8/255"),
        ({"threat": "l3:0.1"}, "arguments: threat.norm: 'l3' is not one of linf, l2"),
        ({"threat": object()}, "is none of 'linf:8/255', ('l2', 0.5), '8/255' and a Threat"),
        ({"policy": {"min_cleam": 0.5}}, "policy.min_cleam: unknown key (did you mean min_clean?)"),
        ({"policy": bnnaudit.Policy(), "min_clean": 0.5}, "policy: a Policy says all of it; leave out min_clean"),
        ({"policy": bnnaudit.Policy(require=("XX999",))}, "require: no check or rule 'XX999'"),
        ({"max_drop": 0.1}, "max_drop: there is nothing that accuracy could fall from; give baseline="),
        ({"baseline": "none.json"}, "none.json: No such file"),
        ({"min_clean": 1.5}, "policy.min_clean: 1.5 is not a fraction between 0 and 1"),
        ({"effort": "some"}, "audit.effort: 'some' is not one of quick, standard, thorough"),
        ({"samples": 1.5}, "1.5 is not a whole number"),
        ({"input_shape": (0,)}, "preprocessing.input_shape"),
        ({"samples": 0}, "data.samples"),
        ({"device": "tpu"}, "device: 'tpu' is not auto, cpu, cuda or cuda:N"),
        ({"settings": {"attak": {}}}, "attak: unknown key (did you mean attack?)"),
        ({"mean": "half"}, "'half' is not a number for each channel"),
    ],
)
def test_what_cannot_be_is_one_line(call: dict[str, Any], message: str) -> None:
    given = {"model": Net(), "data": (PIXELS, LABELS), "threat": 0.1, **call}
    with pytest.raises(bnnaudit.AuditError) as caught:
        bnnaudit.audit(**given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_threats_are_several_audits() -> None:
    threats = [{"norm": "linf", "eps": 0.1}, {"norm": "l2", "eps": 0.5, "min_verified": 0.01}]
    asked: dict[str, Any] = {"policy": {"threats": threats}, **QUICK}
    with pytest.raises(bnnaudit.AuditError, match="names 2 threats, and a report is about one"):
        bnnaudit.audit(Net(), (PIXELS, LABELS), **asked)


def test_pictures_for_a_network_of_vectors() -> None:
    """A linear layer alone takes 16 values; without their number it would be given pictures."""
    with torch.no_grad():
        labels = Net().linear(FLOATS.flatten(1)).argmax(1)
    report = bnnaudit.audit(Net().linear, (FLOATS, labels), 0.1, input_shape=(16,), **QUICK)
    assert report.figures()["clean"] == 1
    with pytest.raises(bnnaudit.AuditError, match="Linear fails on an input of shape 1x4x4"):
        bnnaudit.audit(Net().linear, (FLOATS, labels), 0.1, **QUICK)


def test_a_target_of_a_module_is_ready_to_attack() -> None:
    target = bnnaudit.load_target(Net(), {"preprocessing": {"input_shape": [1, 4, 4]}})
    points = FLOATS[:3].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(target.logits(points)[:, 0].sum(), points)
    assert gradient.any()


def test_a_baseline_of_the_call_or_the_project_excuses_what_was_so_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call: dict[str, Any] = {"threat": "linf:0.1", **QUICK, "samples": 60}
    asked: dict[str, Any] = {"policy": {"min_verified": 0.99}}
    first = bnnaudit.audit(Net(), (PIXELS, LABELS), **asked, **call)
    assert first.exit_code is bnnaudit.ExitCode.FAILED
    Path("base.json").write_text(first.to_json(), encoding="utf-8")
    again = bnnaudit.audit(Net(), (PIXELS, LABELS), baseline="base.json", **asked, **call)
    assert again.exit_code is bnnaudit.ExitCode.PASSED
    assert again.baseline is not None
    assert again.baseline.images is not None
    assert again.baseline.images.paired == len(first.images)
    Path("bnnaudit.toml").write_text('[policy]\nbaseline = "base.json"\n', encoding="utf-8")
    assert bnnaudit.audit(Net(), (PIXELS, LABELS), **asked, **call).passed
    own = bnnaudit.Policy(bnnaudit.Limits(min_verified=0.99))
    assert not bnnaudit.audit(Net(), (PIXELS, LABELS), policy=own, **call).passed, "it replaces the project's policy"
    assert bnnaudit.audit(Net(), (PIXELS, LABELS), policy=own, baseline="base.json", **call).passed
    for baseline, why in (("none.json", "No such file"), ("base.json", "different threats")):
        with pytest.raises(bnnaudit.AuditError, match=why):
            bnnaudit.audit(Net(), (PIXELS, LABELS), baseline=baseline, **{**call, "threat": "linf:0.2"})
