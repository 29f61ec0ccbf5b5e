"""Cards and settings: typed, merged key by key, and every problem of every file in one error."""

import subprocess
import sys
from pathlib import Path

import pytest

from bnnaudit.config.card import Settings, parse_settings, settings_for
from bnnaudit.core.attack import Beta, BetaRule, LossKind, Method
from bnnaudit.core.errors import SettingsError
from bnnaudit.core.facts import ChannelOrder, Layout
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.core.threat import Box, Norm

FULL = """
description = "digits"
[data]
source = "digits.npz"
root = "sets"
samples = 300
seed = 0
[preprocessing]
input_range = [0, 255]
mean = [1, 2.5, 3]
std = 255
layout = "nhwc"
channels = "bgr"
input_shape = [28, 28, 1]
[threat]
norm = "linf"
eps = "8/255"
[attack]
method = "pgd"
steps = 20
step_size = "2px"
restarts = 1
beta = 0.1
surrogate = "adaptive:0.5"
loss = "ce"
[declared]
clean_accuracy = 0.97
adversarial_accuracy = 1
[architecture]
name = "cnn"
input_shape = [1, 28, 28]
[architecture.options]
width = 16
[training]
data = "CIFAR-10 (JPEG copy)"
architecture = "resnet18"
width = 16
kind = "BNN-WQ"
binarizer = "md-tanh-s"
adversarial = true
recipe = "r.toml"
seed = 7
[substitute]
model = "other.onnx"
[run]
device = "cuda:1"
batch_size = 64
threads = 3
"""


def card(folder: Path, text: str, name: str = "model.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


TRUSTING = parse_settings({"policy": {"trust_cards": True}}, "command line")


def said_by(path: Path) -> Settings:
    """All that the card says, with the project's trust, which is no word of the card's."""
    settings = settings_for(path.with_suffix(".onnx"), TRUSTING, path.parent)
    return settings.model_copy(update={"policy": settings.policy.model_copy(update={"trust_cards": None})})


def test_every_key_arrives_as_a_type_of_the_core(tmp_path: Path) -> None:
    read = said_by(card(tmp_path, FULL))
    assert read.description == "digits"
    assert read.data.source == str(tmp_path / "digits.npz")
    assert (read.data.root, read.data.samples, read.data.seed) == (tmp_path / "sets", 300, 0)
    assert read.preprocessing.resolved() == Preprocessing(
        Box(0.0, 255.0), (1.0, 2.5, 3.0), (255.0,), Layout.NHWC, None, ChannelOrder.BGR, (28, 28, 1)
    )
    assert read.threat.norm is Norm.LINF
    assert read.threat.eps == 8 / 255
    assert (read.attack.method, read.attack.steps, read.attack.restarts) == (Method.PGD, 20, 1)
    assert read.attack.step_size == 2 / 255
    assert read.attack.beta == Beta(BetaRule.FIXED, 0.1)
    assert read.attack.surrogate == Surrogate.usual(SurrogateKind.TRIANGULAR, 0.5)
    assert read.attack.loss is LossKind.CROSS_ENTROPY
    assert (read.declared.clean_accuracy, read.declared.adversarial_accuracy) == (0.97, 1.0)
    assert (read.architecture.name, read.architecture.options) == ("cnn", {"width": 16})
    assert read.architecture.input_shape == (1, 28, 28)
    assert read.training.chosen() == {
        "data": "CIFAR-10 (JPEG copy)",
        "architecture": "resnet18",
        "width": 16,
        "kind": "BNN-WQ",
        "binarizer": "md-tanh-s",
        "adversarial": True,
        "recipe": "r.toml",
        "seed": 7,
    }
    assert read.substitute.model == tmp_path / "other.onnx"
    assert (read.run.device, read.run.batch_size, read.run.threads) == ("cuda:1", 64, 3)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert said_by(card(tmp_path, "")) == Settings()
    assert Settings().preprocessing.resolved() == Preprocessing()


def test_flags_win_over_the_card_that_over_the_project_key_by_key(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    pyproject = '[project]\nname = "x"\n[tool.bnnaudit.attack]\nsteps = 1\nrestarts = 1\nloss = "dlr"\nbeta = "njs"\n'
    card(tmp_path, pyproject, "pyproject.toml")
    card(tmp_path, "[attack]\nsteps = 2\nrestarts = 2\nloss = 'margin'\n[data]\nsource = 'p.npz'\n", "bnnaudit.toml")
    card(models, "[attack]\nsteps = 3\nrestarts = 3\n[data]\nsource = 'c.npz'\nroot = 'r'\n")
    given = {"attack": {"steps": 4}, "substitute": {"model": "s.onnx"}, "policy": {"trust_cards": True}}
    flags = parse_settings(given, "command line")
    read = settings_for(models / "model.onnx", flags, tmp_path)
    attack = (read.attack.steps, read.attack.restarts, read.attack.loss, read.attack.beta)
    assert attack == (4, 3, LossKind.MARGIN, Beta(BetaRule.NJS))
    assert read.data.source == str(models / "c.npz")
    assert read.data.root == models / "r"
    assert read.substitute.model == tmp_path / "s.onnx"
    without_card = settings_for(tmp_path / "model.onnx", flags, tmp_path)
    assert without_card.data.source == str(tmp_path / "p.npz")


def test_a_card_may_lie_elsewhere_but_must_exist(tmp_path: Path) -> None:
    card(tmp_path, "[run]\nbatch_size = 1\n")
    other = card(tmp_path, "[run]\nbatch_size = 2\n", "other.toml")
    assert settings_for(tmp_path / "model.onnx", Settings(), tmp_path, card=other).run.batch_size == 2
    with pytest.raises(SettingsError, match=r"missing\.toml: no such file"):
        settings_for(tmp_path / "model.onnx", Settings(), tmp_path, card=tmp_path / "missing.toml")


def test_names_of_torchvision_and_absolute_paths_stay_as_they_are(tmp_path: Path) -> None:
    assert said_by(card(tmp_path, "[data]\nsource = 'cifar10'")).data.source == "cifar10"
    assert said_by(card(tmp_path, "[data]\nsource = '/x/y.npz'")).data.source == "/x/y.npz"
    zipped = said_by(card(tmp_path, "[data]\nsource = 'd.zip:set/test'")).data.source
    assert zipped == f"{tmp_path / 'd.zip'}:set/test"


def test_relative_flags_stay_relative_to_the_folder_given(tmp_path: Path) -> None:
    flags = parse_settings({"data": {"source": "x.npz"}}, "command line")
    assert settings_for(tmp_path / "m.onnx", flags, Path()).data.source == "x.npz"


PROBLEMS = [
    ("[threat]\nepsilon = 0.1", "threat.epsilon: unknown key (did you mean eps?)"),
    ("[treat]\neps = 0.1", "treat: unknown key (did you mean threat?)"),
    ("[run]\nzzz = 1", "run.zzz: unknown key (known: device, batch_size, threads, no_cache)"),
    ("[threat]\neps = 'abc'", "threat.eps: 'abc' is not a length, write 8/255, 8px or 0.03"),
    ("[threat]\neps = -0.1", "threat.eps: '-0.1' is not a length, write 8/255, 8px or 0.03"),
    ("[threat]\neps = inf", "threat.eps: 'inf' is not a length, write 8/255, 8px or 0.03"),
    ("[threat]\neps = '1e999'", "threat.eps: '1e999' is not a length"),
    ("[threat]\neps = true", "threat.eps: True is not a length, write 8/255, 8px or 0.03"),
    ("[threat]\nnorm = 'l1'", "threat.norm: 'l1' is not one of linf, l2"),
    ("[training]\nkind = ''", "training.kind: String should have at least 1 character, not ''"),
    ("[training]\nadversarial = 'no'", "training.adversarial: should be a valid boolean, not 'no'"),
    ("threat = 3", "threat: 3 is not a table of keys"),
    ("[attack]\nrestarts = 0", "attack.restarts: should be greater than or equal to 1, not 0"),
    ("[attack]\nsteps = '20'", "attack.steps: should be a valid integer, not '20'"),
    ("[attack]\nsteps = true", "attack.steps: should be a valid integer, not True"),
    ("[attack]\nstep_size = 0", "attack.step_size: 0 is not a step size, write a length above 0, such as 2/255"),
    ("[attack]\nbeta = -1", "attack.beta: -1 is not a positive number, write one, or one of none, njs"),
    ("[attack]\nbeta = [1]", "attack.beta: [1] is neither text nor a number"),
    ("[attack]\nsurrogate = 'tanhh'", "attack.surrogate: 'tanhh' is not one of identity, clipped, triangular"),
    ("[preprocessing]\ninput_range = [1, 1]", "preprocessing.input_range: the lower bound 1 must be below"),
    ("[preprocessing]\ninput_range = [0]", "preprocessing.input_range: [0] is not two numbers"),
    ("[preprocessing]\nstd = [1, 0]", "preprocessing.std: [1, 0] must be above 0"),
    ("[preprocessing]\nmean = ['a']", "preprocessing.mean: ['a'] is not a number for each channel"),
    ("[preprocessing]\nmean = [1, 2]\nstd = [1, 2, 3]", "preprocessing: mean has 2 values, std 3"),
    ("[preprocessing]\nchannels = 'gbr'", "preprocessing.channels: 'gbr' is not one of rgb, bgr"),
    ("[preprocessing]\nlayout = 'chw'", "preprocessing.layout: 'chw' is not one of nchw, nhwc, flat"),
    ("[declared]\nclean_accuracy = 97", "declared.clean_accuracy: 97 is not a fraction between 0 and 1"),
    ("[data]\nsamples = 0", "data.samples: should be greater than or equal to 1, not 0"),
    ("[data]\nsource = ''", "data.source: String should have at least 1 character"),
    ("[data]\nseed = 9223372036854775808", "data.seed: should be less than or equal to 9223372036854775807"),
    ("[run]\nthreads = 100000", "run.threads: should be less than or equal to 1024"),
    ("[run]\nbatch_size = 2147483648", "run.batch_size: should be less than or equal to 2147483647"),
    ("[data]\nsource = 3", "data.source: should be a valid string, not 3"),
    ("[architecture]\ninput_shape = [1, 0]", "architecture.input_shape.1: should be greater than or equal to 1, not 0"),
    ("[run]\ndevice = 'gpu'", "run.device: 'gpu' is not auto, cpu, cuda or cuda:N"),
    ("eps = ", "not valid TOML"),
]


@pytest.mark.parametrize(("text", "message"), PROBLEMS)
def test_a_problem_is_named_by_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        said_by(card(tmp_path, text))
    assert message in str(caught.value)
    assert "model.toml: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    card(tmp_path, "[tool.bnnaudit.data]\nsample = 3", "pyproject.toml")
    card(tmp_path, "[threat]\neps = 'abc'\nepsilon = 1", "bnnaudit.toml")
    card(tmp_path, "[attack]\nstep = 3")
    with pytest.raises(SettingsError) as caught:
        settings_for(tmp_path / "model.onnx", Settings(), tmp_path)
    assert str(caught.value).split("; ") == [
        "pyproject.toml: tool.bnnaudit: data.sample: unknown key (did you mean samples?)",
        "bnnaudit.toml: threat.eps: 'abc' is not a length, write 8/255, 8px or 0.03",
        "bnnaudit.toml: threat.epsilon: unknown key (did you mean eps?)",
        "model.toml: attack.step: unknown key (did you mean steps?)",
    ]


def test_keys_of_two_files_that_contradict(tmp_path: Path) -> None:
    card(tmp_path, "[preprocessing]\nmean = [1, 2, 3]", "bnnaudit.toml")
    card(tmp_path, "[preprocessing]\nstd = [1, 2]")
    with pytest.raises(SettingsError, match="taken together: preprocessing: mean has 3 values, std 2"):
        settings_for(tmp_path / "model.onnx", Settings(), tmp_path)


def test_reading_settings_does_not_import_torch() -> None:
    code = "import sys, bnnaudit.config.card; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
