"""The line to cite an audit by."""

from dataclasses import replace

from bnnaudit.core.attack import Auto, Budget
from bnnaudit.core.report import Report
from bnnaudit.reports.citation import citation


def test_a_citation_names_method_version_settings_digests_and_the_figure(fake: Report) -> None:
    row = replace(fake.attacks[0], role="claim")
    auto = replace(row, role="", settings=Auto(budget=Budget(300)))
    data = replace(fake.data, sha256="cd" * 32)
    line = citation(replace(fake, seed=7, attacks=(row, auto), data=data, model=replace(fake.model, sha256="ab" * 32)))
    assert "\n" not in line
    assert fake.verdict is not None
    verified = fake.verdict.verified_accuracy
    assert verified is not None
    for words in (
        f"at most {100 * verified.value:.1f} % [{100 * verified.low:.1f}, {100 * verified.high:.1f}]",
        f"on {verified.n} images",
        "under L-inf 0.3",
        "(K. Gupta, T. Ajanthan, AAAI 2022, https://arxiv.org/abs/2003.13511)",
        "and by auto",
        f"bnnaudit {fake.provenance.version}",
        "auto 300 g",
        "seed 7",
        f"{row.settings.steps} x {row.settings.restarts}",
        "model sha256:abababababab,",
        "data sha256:cdcdcdcdcdcd.",
    ):
        assert words in line, words


def test_nothing_verified_is_nothing_to_cite(attack_only: Report) -> None:
    assert citation(attack_only) == ""


def test_data_without_a_digest_are_said_to_have_none(fake: Report) -> None:
    assert "data without digest." in citation(replace(fake, data=replace(fake.data, sha256="")))
