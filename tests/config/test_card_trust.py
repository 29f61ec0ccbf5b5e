"""What a card cannot have done unless it is trusted: code imported, options of text passed to it, files elsewhere opened."""

import re
from pathlib import Path

import pytest

from bnnaudit.config.card import parse_settings, settings_for
from bnnaudit.config.settings import Settings
from bnnaudit.core.errors import SettingsError

CODE = '[architecture]\nname = "nets.own:Net"\n'
TRUST = {"policy": {"trust_cards": True}}


def settled(folder: Path, card: str, flags: dict[str, object] | None = None, name: str = "m.safetensors") -> Settings:
    """The settings of a model in `folder/models`, for somebody who works in `folder/work`."""
    models, work = folder / "models", folder / "work"
    for place in (models, work):
        place.mkdir(exist_ok=True)
    (models / "m.toml").write_text(card)
    return settings_for(models / name, parse_settings(flags or {}, "command line"), work)


def refused(folder: Path, card: str, *words: str, **flags: object) -> None:
    with pytest.raises(SettingsError) as caught:
        settled(folder, card, flags)
    assert str(caught.value).startswith("m.toml: ")
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_code_in_a_card_is_an_error_that_tells_what_to_add(tmp_path: Path) -> None:
    refused(tmp_path, CODE, "add --arch nets.own:Net ", "--trust-card")
    assert settled(tmp_path, CODE, TRUST).architecture.name == "nets.own:Net"
    assert settled(tmp_path, CODE, {"architecture": {"name": "nets.own:Net"}}).architecture.name == "nets.own:Net"
    assert settled(tmp_path, CODE, {"architecture": {"name": "mine:Net"}}).architecture.name == "mine:Net"
    assert settled(tmp_path, CODE, {"architecture": {"name": "mlp"}}).architecture.name == "mlp"


def test_the_project_may_name_the_code_that_its_cards_need(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    project = tmp_path / "work/bnnaudit.toml"
    project.write_text(CODE)
    assert settled(tmp_path, CODE).architecture.name == "nets.own:Net"
    refused(tmp_path, '[architecture]\nname = "others:Net"\n', "--arch others:Net")
    project.write_text("[policy]\ntrust_cards = true\n")
    assert settled(tmp_path, CODE).architecture.name == "nets.own:Net"


def test_a_bnnaudit_toml_beside_the_model_is_not_the_projects(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/bnnaudit.toml").write_text("[policy]\ntrust_cards = true\n" + CODE)
    refused(tmp_path, CODE, "--arch nets.own:Net")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("bnnaudit.cli.main:run", "bnnaudit itself"),
        ("venv.__main__:x", "standard library"),
        ("os:system", "standard library"),
        ("builtins:eval", "standard library"),
        ("pip.__main__:main", "a program"),
        ("a b:c", "not of the form"),
        ("nets:", "not of the form"),
        ("x;rm -rf ~:y", "not of the form"),
        ("n\\u001b[31mets:Net\\u202e", "not of the form"),
        ("n" * 5000 + ":Net", "--arch"),
    ],
)
def test_names_that_never_are_networks_are_told_as_such(tmp_path: Path, name: str, word: str) -> None:
    refused(tmp_path, f'[architecture]\nname = "{name}"\n', word)


def test_built_in_networks_and_files_that_need_none_stay_allowed(tmp_path: Path) -> None:
    card = '[architecture]\nname = "cnn"\noptions = { weights = "binary" }\n'
    assert settled(tmp_path, card).architecture.options == {"weights": "binary"}
    assert settled(tmp_path, CODE, name="m.onnx").architecture.name == "nets.own:Net"


@pytest.mark.parametrize(
    ("options", "passes"),
    [
        ("{ width = 64, bias = true, scale = 0.5, channels = [1, [2, 3]], deep = { a = 1 } }", True),
        ('{ path = "/etc/passwd" }', False),
        ('{ activation = "relu" }', False),
        ('{ deep = [["relu"]] }', False),
        ("{ deep = { pretrained = true } }", False),
        ("{ pretrained = true }", False),
        ('{ weights = "DEFAULT" }', False),
        ("{ when = 2026-01-01 }", False),
    ],
)
def test_only_numbers_of_a_card_reach_code_that_others_name(tmp_path: Path, options: str, passes: bool) -> None:
    card = f'[architecture]\nname = "others:Net"\noptions = {options}\n'
    if passes:
        assert settled(tmp_path, card, {"architecture": {"name": "mine:Net"}}).architecture.options
    else:
        refused(tmp_path, card, "architecture.options.", "--trust-card", architecture={"name": "mine:Net"})
    assert settled(tmp_path, card, {"architecture": {"name": "mine:Net"}, **TRUST}).architecture.options
    own = {"architecture": {"name": "mine:Net", "options": {"activation": "relu"}}}
    assert settled(tmp_path, card, own).architecture.options == {"activation": "relu"}


def test_options_of_the_project_come_before_the_cards_where_they_go_to_code(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work/bnnaudit.toml").write_text('[architecture]\noptions = { activation = "relu" }\n')
    card = CODE + "options = { width = 8 }\n"
    assert settled(tmp_path, card, {"architecture": {"name": "mine:Net"}}).architecture.options == {
        "activation": "relu"
    }
    built_in = '[architecture]\nname = "mlp"\noptions = { hidden = [8] }\n'
    assert settled(tmp_path, built_in).architecture.options == {"hidden": [8]}


OUTSIDE = {
    "data.source": ("--data", ["/", "/etc", "..", "../other/x.npz", "a/../../x.zip:b", "~", "out", "out/x.npz"]),
    "substitute.model": ("--substitute", ["/x.onnx", "../x.onnx", "out/x.onnx"]),
}


@pytest.mark.parametrize(("key", "path"), [(key, path) for key, (_, paths) in OUTSIDE.items() for path in paths])
def test_paths_that_leave_the_cards_folder(tmp_path: Path, key: str, path: str) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/out").symlink_to(tmp_path)
    table, _, name = key.partition(".")
    card = f'[{table}]\n{name} = "{path}"\n'
    refused(tmp_path, card, f"m.toml: {key}: ", OUTSIDE[key][0], "--trust-card")
    assert settled(tmp_path, card, TRUST)
    assert settled(tmp_path, card, {table: {name: "mine.npz"}})


def test_paths_that_cannot_be_are_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/loop").symlink_to("loop")
    refused(tmp_path, '[data]\nsource = "a\\u0000b"\n', "data.source")
    refused(tmp_path, f'[data]\nsource = "/{"x" * 5000}"\n', "data.source")


@pytest.mark.parametrize("path", [".", "x.npz", "deep/../x.npz", "deep/x.zip:a", "in", "{folder}/x.npz"])
def test_paths_inside_the_cards_folder(tmp_path: Path, path: str) -> None:
    models = tmp_path / "models"
    (models / "deep").mkdir(parents=True)
    (models / "in").symlink_to("deep")
    assert settled(tmp_path, f'[data]\nsource = "{path.format(folder=models)}"\n').data.source


def test_a_card_of_the_current_project_may_name_all_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, model = tmp_path / "models", tmp_path / "models/m.onnx"
    models.mkdir()
    (models / "m.toml").write_text('[data]\nsource = "../data/x.npz"\n')
    read = settings_for(model, Settings(), tmp_path).data.source
    assert read == str(models / "../data/x.npz")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(SettingsError, match="outside the card's folder"):
        settings_for(model, Settings(), tmp_path)
    with pytest.raises(SettingsError, match="outside the card's folder"):
        settings_for(model, Settings(), Path("/"))


def test_torchvisions_folder_is_not_for_a_card_to_say(tmp_path: Path) -> None:
    card = '[data]\nsource = "CIFAR10"\nroot = "new"\n'
    refused(tmp_path, card, "data.root", "--data-root")
    assert not (tmp_path / "models/new").exists()
    assert settled(tmp_path, card, {"data": {"root": "mine"}}).data.root == tmp_path / "work/mine"
    assert settled(tmp_path, card, TRUST).data.root == tmp_path / "models/new"


def test_every_path_of_a_card_is_held_to_the_rule() -> None:
    """A new key that holds a path needs a rule in `card_trust.py`; policy.baseline is none for a card at all."""
    from bnnaudit.config import card_trust

    kinds = {
        f"{table}.{key}"
        for table, field in Settings.model_fields.items()
        for key, inner in getattr(field.annotation, "model_fields", {}).items()
        if "Path" in repr(inner.annotation)
    }
    assert kinds == {"data.root", "substitute.model", "policy.baseline"}
    text = Path(card_trust.__file__).read_text()
    assert all(re.search(rf'"?{re.escape(key)}', text) for key in ("data.source", "data.root", "substitute.model"))
