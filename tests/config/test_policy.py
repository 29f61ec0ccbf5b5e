"""What `[policy]` says, for each threat, and whose word counts: the project's, a card's, that of the flags."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bnnaudit.config.card import Settings, parse_settings, settings_for
from bnnaudit.config.policies import policies_of
from bnnaudit.core.effort import Effort
from bnnaudit.core.errors import SettingsError
from bnnaudit.core.policy import Decide, FailOn, Limits, Policy, Waiver
from bnnaudit.core.threat import Norm

WAIVER = """[[policy.waivers]]
rule = "SP201"
reason = "logits are saturated on purpose"
owner = "ml-platform"
expires = {expires}
"""
FULL = (
    """
[threat]
image_bits = 8
[policy]
min_clean = 0.9
min_verified = "30 %"
max_gap = "5%"
fail_on = "warning"
decide = "estimate"
select = ["FR", "MF4"]
ignore = ["MF415"]
require = ["transfer", "GM101"]
[[policy.threats]]
norm = "linf"
eps = "8/255"
[[policy.threats]]
norm = "l2"
eps = 0.5
image_bits = 4
min_verified = 0.2
"""
    + WAIVER.format(expires="2027-01-31")
    + 'model = "models/*.onnx"\n'
    + WAIVER.format(expires='"2028-02-29"')
)


def settled(folder: Path, project: str = "", card: str = "", **flags: object) -> Settings:
    """The settings of a model whose project, card and flags say this."""
    (folder / "bnnaudit.toml").write_text(project)
    models = folder / "models"
    models.mkdir(exist_ok=True)
    (models / "m.toml").write_text(card)
    said = {name.replace("__", "."): value for name, value in flags.items()}
    return settings_for(models / "m.onnx", parse_settings(said, "command line"), folder)


def policy_of(folder: Path, project: str = "", card: str = "", **flags: object) -> Policy:
    """The policy under the only threat."""
    ((_, policy),) = policies_of(settled(folder, project, card, **flags))
    return policy


def threats_of(settings: Settings) -> list[tuple[Norm | None, float | None, float | None]]:
    """Norm, radius and least verified accuracy."""
    return [(threat.norm, threat.eps, policy.limits.min_verified) for threat, policy in policies_of(settings)]


def test_every_key_arrives(tmp_path: Path) -> None:
    (linf, ours), (l2, theirs) = policies_of(settled(tmp_path, FULL))
    assert (linf.norm, linf.eps, linf.image_bits) == (Norm.LINF, 8 / 255, 8)
    assert (l2.norm, l2.eps, l2.image_bits) == (Norm.L2, 0.5, 4)
    reason, owner = "logits are saturated on purpose", "ml-platform"
    assert ours == Policy(
        limits=Limits(0.9, 0.3, 0.05),
        fail_on=FailOn.WARNING,
        select=("FR", "MF4"),
        ignore=("MF415",),
        require=("transfer", "GM101"),
        decide=Decide.ESTIMATE,
        waivers=(
            Waiver("SP201", reason, owner, date(2027, 1, 31), "models/*.onnx"),
            Waiver("SP201", reason, owner, date(2028, 2, 29)),
        ),
    )
    assert theirs.limits == Limits(0.9, 0.2, 0.05)


def test_without_a_word_it_is_the_usual_policy(tmp_path: Path) -> None:
    assert policy_of(tmp_path) == Policy()


def test_a_card_can_hold_a_policy(tmp_path: Path) -> None:
    card = '[policy]\nmin_verified = 0.3\nfail_on = "warning"\nrequire = ["transfer"]\n'
    assert policy_of(tmp_path, card=card) == Policy(
        limits=Limits(min_verified=0.3), fail_on=FailOn.WARNING, require=("transfer",)
    )


LOOSENING = {
    "select": 'select = ["MF"]',
    "ignore": 'ignore = ["FR"]',
    "fail_on": 'fail_on = "never"',
    "decide": 'decide = "estimate"',
    "waivers": WAIVER.format(expires="2027-01-31"),
    "trust_cards": "trust_cards = true",
}


@pytest.mark.parametrize("project", ["", "[policy]\nmin_verified = 0.1"])
@pytest.mark.parametrize("key", LOOSENING)
def test_a_card_cannot_loosen_the_gate(tmp_path: Path, project: str, key: str) -> None:
    table = "" if key == "waivers" else "[policy]\n"
    with pytest.raises(SettingsError, match=rf"^m\.toml: policy\.{key}: "):
        settled(tmp_path, project, table + LOOSENING[key])


@pytest.mark.parametrize("key", [key for key in LOOSENING if key != "trust_cards"])
def test_a_project_may_trust_its_cards(tmp_path: Path, key: str) -> None:
    table = "" if key == "waivers" else "[policy]\n"
    trusting = "[policy]\ntrust_cards = true\nmin_verified = 0.5\n"
    assert policy_of(tmp_path, trusting, table + LOOSENING[key]) != policy_of(tmp_path, trusting)
    assert policy_of(tmp_path, trusting, "[policy]\nmin_verified = 0.1").limits.min_verified == 0.1
    with pytest.raises(SettingsError, match=r"trust_cards: only the project's"):
        settled(tmp_path, trusting, "[policy]\ntrust_cards = true")


@pytest.mark.parametrize(
    ("key", "project", "card", "holds"),
    [
        ("min_clean", 0.5, 0.4, 0.5),
        ("min_clean", 0.5, 0.6, 0.6),
        ("min_verified", 0.3, 0.0, 0.3),
        ("max_gap", 0.1, 1.0, 0.1),
        ("max_gap", 0.1, 0.05, 0.05),
    ],
)
def test_of_two_thresholds_the_stricter_holds(
    tmp_path: Path, key: str, project: float, card: float, holds: float
) -> None:
    policy = policy_of(tmp_path, f"[policy]\n{key} = {project}", f"[policy]\n{key} = {card}")
    assert getattr(policy.limits, key) == holds


@pytest.mark.parametrize(
    ("project", "card", "holds"),
    [("", "error", "error"), ("note", "error", "note"), ("error", "note", "note"), ("never", "", "never")],
)
def test_the_stricter_level_holds(tmp_path: Path, project: str, card: str, holds: str) -> None:
    written = [f'[policy]\nfail_on = "{level}"' if level else "" for level in (project, card)]
    assert policy_of(tmp_path, *written).fail_on == holds


def test_flags_win_over_every_file(tmp_path: Path) -> None:
    project = '[policy]\nmin_verified = 0.3\nignore = ["MF"]\nrequire = ["transfer"]\n' + WAIVER.format(
        expires="2027-01-31"
    )
    flags = {"min_verified": "10%", "fail_on": "never", "ignore": ["SP"], "require": ["noise"]}
    policy = policy_of(tmp_path, project, "[policy]\nmin_verified = 0.4", policy=flags)
    assert policy.limits.min_verified == 0.1
    assert (policy.fail_on, policy.ignore, policy.require) == (FailOn.NEVER, ("SP",), ("transfer", "noise"))
    assert len(policy.waivers) == 1


def test_a_threshold_among_the_flags_holds_for_every_threat(tmp_path: Path) -> None:
    assert threats_of(settled(tmp_path, FULL, policy={"min_verified": 0.1})) == [
        (Norm.LINF, 8 / 255, 0.1),
        (Norm.L2, 0.5, 0.1),
    ]


def test_the_nearest_layer_that_names_a_threat_decides(tmp_path: Path) -> None:
    assert threats_of(settled(tmp_path, FULL, threat={"norm": "l2"})) == [(Norm.L2, 0.5, 0.2)]
    assert threats_of(settled(tmp_path, FULL, threat={"eps": "8/255"})) == [(Norm.LINF, 8 / 255, 0.3)]
    assert threats_of(settled(tmp_path, FULL, threat={"eps": 0.01})) == [(None, 0.01, 0.3)]
    ((threat, _), _) = policies_of(settled(tmp_path, FULL, threat={"image_bits": 2}))
    assert threat.image_bits == 2


EASY = '[threat]\neps = 0\n[[policy.threats]]\nnorm = "linf"\neps = 0\nmin_verified = 0\n'


@pytest.mark.parametrize(
    "project",
    [
        "[threat]\neps = 0.1\n[policy]\nmin_verified = 0.3",
        '[policy]\nmin_verified = 0.3\n[[policy.threats]]\nnorm = "linf"\neps = 0.1',
    ],
)
def test_a_card_does_not_choose_an_easier_threat(tmp_path: Path, project: str) -> None:
    ((_, eps, least),) = threats_of(settled(tmp_path, project, EASY))
    assert (eps, least) == (0.1, 0.3)


CARD = """
[data]
source = "mine.npz"
samples = 1
seed = 7
[attack]
steps = 1
queries = 1
[audit]
effort = "quick"
[substitute]
model = "weak.onnx"
[deployment]
serve_as = "exact"
[preprocessing]
mean = 0.5
"""


def test_a_card_does_not_choose_easier_images_or_attacks(tmp_path: Path) -> None:
    """What the project leaves out, here the seed, and how the model's input is prepared, is the card's to say."""
    tables = CARD.replace("mine", "held-out").replace("weak", "strong").replace("seed = 7\n", "")
    tables = (
        tables.replace("= 1\n", "= 40\n").replace("quick", "thorough").replace("exact", "any").replace("0.5", "0.1")
    )
    gate = "[policy]\nmin_verified = 0.3\n"
    for policy, is_the_cards in (("", True), (gate, False), (gate + "trust_cards = true\n", True)):
        settings = settled(tmp_path, policy + tables, CARD)
        data, attack, number = settings.data, settings.attack, 1 if is_the_cards else 40
        assert data.source == str(tmp_path / ("models/mine.npz" if is_the_cards else "held-out.npz"))
        assert (data.samples, attack.steps, attack.queries) == (number, number, number)
        assert settings.audit.effort is (Effort.QUICK if is_the_cards else Effort.THOROUGH)
        assert settings.substitute.model == tmp_path / ("models/weak.onnx" if is_the_cards else "strong.onnx")
        assert settings.deployment.serve_as == ("exact" if is_the_cards else "any")
        assert (data.seed, settings.preprocessing.mean) == (7, (0.5,))


def test_flags_make_a_gate_of_the_project_as_well(tmp_path: Path) -> None:
    project = "[threat]\neps = 0.1\n"
    assert threats_of(settled(tmp_path, project, EASY)) == [(Norm.LINF, 0.0, 0.0)]
    ((_, eps, least),) = threats_of(settled(tmp_path, project, EASY, policy={"min_verified": 0.2}))
    assert (eps, least) == (0.1, 0.2)


def test_thresholds_of_threats_are_not_loosened_either(tmp_path: Path) -> None:
    entry = '[[policy.threats]]\nnorm = "linf"\neps = 0.1\nmin_verified = {}\n'
    ours = entry.format(0.2)
    assert threats_of(settled(tmp_path, "[policy]\nmin_verified = 0.3\n" + ours))[0][2] == 0.2
    assert threats_of(settled(tmp_path, ours, "[policy]\nmin_verified = 0.1"))[0][2] == 0.2
    assert threats_of(settled(tmp_path, ours, "[policy]\nmin_verified = 0.4"))[0][2] == 0.4
    assert threats_of(settled(tmp_path, "[policy]\nmin_verified = 0.3", entry.format(0.0)))[0][2] == 0.3


def test_waivers_and_required_checks_of_all_layers_add_up(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.bnnaudit.policy]\ntrust_cards = true\nrequire = ["a"]\n'
        + WAIVER.format(expires="2027-01-31").replace("[policy", "[tool.bnnaudit.policy")
    )
    project = '[policy]\nrequire = ["b", "a"]\n' + WAIVER.format(expires="2027-02-28")
    policy = policy_of(tmp_path, project, '[policy]\nrequire = ["c"]\n' + WAIVER.format(expires="2027-01-31"))
    assert policy.require == ("a", "b", "c")
    assert [waiver.expires.month for waiver in policy.waivers] == [1, 2]


PROBLEMS = [
    ("[policy]\nmin_verfied = 0.3", "policy.min_verfied: unknown key (did you mean min_verified?)"),
    ("[policy]\nmin_clean = 90", "policy.min_clean: 90 is not a fraction between 0 and 1, write 0.3 or '30%'"),
    ("[policy]\nmin_clean = '90'", "policy.min_clean: '90' is above the whole"),
    ("[policy]\nmin_clean = 'most'", "policy.min_clean: 'most' is not a fraction, write 0.3 or 30%"),
    ("[policy]\nmin_clean = true", "policy.min_clean: True is not a fraction"),
    ("[policy]\nmax_gap = nan", "policy.max_gap: nan is not a fraction"),
    ("[policy]\nfail_on = 'fatal'", "policy.fail_on: 'fatal' is not one of error, warning, note, never"),
    ("[policy]\ndecide = 'mean'", "policy.decide: 'mean' is not one of interval, estimate"),
    ("[policy]\nselect = 'FR'", "policy.select: 'FR' is not a list"),
    ("[policy]\nrequire = [3]", "policy.require.0: should be a valid string, not 3"),
    ("[policy]\nthreats = 3", "policy.threats: 3 is not a list"),
    ("[[policy.threats]]\nnorm = 'linf'", "policy.threats.0.eps: is missing"),
    ("[[policy.threats]]\nnorm = 'linf'\neps = 0.1\nmin_vrified = 1", "(did you mean min_verified?)"),
    (
        "[[policy.threats]]\nnorm = 'l2'\neps = 1\n[[policy.threats]]\nnorm = 'l2'\neps = 1.0",
        "threats names l2 1 twice",
    ),
    ("[[policy.waivers]]\nrule = 'SP201'\nreason = 'x'\nowner = 'y'", "policy.waivers.0.expires: is missing"),
    ("[[policy.waivers]]\nrule = 'SP201'\nreason = ''\nowner = 'y'\nexpires = 2027-01-01", "policy.waivers.0.reason: "),
    (WAIVER.format(expires="2027-01-31T10:00:00"), "'2027-01-31 10:00:00' is not a day, write 2027-01-31"),
    (WAIVER.format(expires="'31.1.2027'"), "policy.waivers.0.expires: '31.1.2027' is not a day"),
    (WAIVER.format(expires="'2027-02-30'"), "policy.waivers.0.expires: '2027-02-30' is not a day"),
    (WAIVER.format(expires="2027-01-31") + "untill = 3", "policy.waivers.0.untill: unknown key"),
    (WAIVER.format(expires="2027-01-31").replace("SP201", "saturated"), "policy.waivers.0.rule: "),
]


@pytest.mark.parametrize(("text", "message"), PROBLEMS)
def test_a_problem_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settled(tmp_path, text)
    assert "bnnaudit.toml: " in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["bnnaudit.toml", "pyproject.toml", "m.toml"])
def test_a_file_that_cannot_be_read_is_not_a_file_that_asks_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("moved-away.toml")
    with pytest.raises(SettingsError, match=f"{name}: no such file"):
        settings_for(tmp_path / "m.onnx", Settings(), tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(SettingsError, match=f"{name}: cannot be read"):
        settings_for(tmp_path / "m.onnx", Settings(), tmp_path)


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.bnnaudit.policy]\nfail_on = 3")
    with pytest.raises(SettingsError) as caught:
        settled(tmp_path, "[policy]\nmin_clean = 2\n[[policy.waivers]]\nrule = 'SP201'", "[policy]\nignore = ['FR']")
    problems = str(caught.value).split("; ")
    assert [problem.partition(": ")[0] for problem in problems] == [
        "pyproject.toml", "bnnaudit.toml", "bnnaudit.toml", "bnnaudit.toml", "bnnaudit.toml", "m.toml"
    ]  # fmt: skip


def test_whoever_calls_the_python_interface_may_trust_cards(tmp_path: Path) -> None:
    card = '[policy]\nignore = ["FR"]\n'
    assert policy_of(tmp_path, "", card, policy={"trust_cards": True}).ignore == ("FR",)
    with pytest.raises(SettingsError):
        policy_of(tmp_path, "", card, policy={"trust_cards": False})
