import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.finding import Family, Finding, Severity, Skip
from bnnaudit.core.report import Report, SessionAccuracies, Status
from bnnaudit.core.scores import OutputScores, ScoreFacts
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.reports.page import GLUE, Page
from bnnaudit.reports.terminal.writer import write_text

NAMES = ("fake", "honest", "attack", "undecided")


def _text(report: Report, width: int = 80, *, color: bool = False, ascii: bool = False) -> str:
    """The whole report, as -v shows it."""
    return write_text(report, Page(width, color, ascii, verbose=True))


def _flat(text: str) -> str:
    """The words without the line breaks that the layout put between them."""
    return " ".join(text.split())


def test_the_header_says_what_was_audited(fake: Report) -> None:
    text = _flat(_text(fake))
    for words in (
        "sample_models/digits_bnn_waq.onnx",
        "ONNX, 10 classes, 23,754 parameters",
        "weights 1 bit, activations 1 bit",
        "3 non-differentiable steps (3 x sign)",
        "1 x 8 x 8 (NCHW), values from 0 to 1",
        "sample_models/digits_test.npz, 300 images",
        "L-inf 0.3",
        "98.3 % [96.1, 99.3]",
        "ONNX Runtime 1.30.0, CPU",
    ):
        assert words in text


def test_data_without_labels_is_said_to_be_so(attack_only: Report, fake: Report) -> None:
    assert "no labels: judged against the model's own predictions" in _text(attack_only)
    assert "no labels" not in _text(fake)


def test_a_row_for_every_attack(fake: Report) -> None:
    text = _text(fake)
    assert re.search(r"PGD +1 +identity +20 x 1 +58\.2 % +\[52\.5, 63\.7\] +412 ms", text)
    one_line = " ".join(text.split())
    assert re.search(r"PGD \* +1 +identity +20 x 1 +8\.3 % +\[5\.7, 12\.0\] +1\.5 s", text)
    assert re.search(r"PGD\+\+ +hns +triangular +20 x 1 +2\.0 %", text)
    assert re.search(r"PGD\+\+ DLR +0\.1 +triangular +20 x 2 +0\.0 % .* -2", text)
    assert "*: transferred from the substitute network digits-ref.onnx, without gradients" in one_line
    assert (
        "has an accuracy of 99.0 % [97.1, 99.7], and the model's answer on 97.7 % [95.3, 98.9] of 300 images."
        in one_line
    )
    assert "2 of 840 claimed successes did not replay" in text


def test_a_substitute_of_no_file_and_one_of_an_earlier_report(fake: Report, detailed: Report) -> None:
    """Earlier reports do not say what the substitute was."""
    trained = " ".join(_text(replace(fake, substitute=detailed.substitute)).split())
    assert "*: transferred from a substitute network trained on the model's answers, without" in trained
    assert "has the model's answer on 97.7 % [95.3, 98.9] of 300 images." in trained
    earlier = " ".join(_text(replace(fake, substitute=None)).split())
    assert "*: transferred from a substitute network, without gradients" in earlier
    assert "the model's answer on" not in earlier


def test_the_table_leaves_out_what_would_say_nothing(honest: Report, fake: Report) -> None:
    text = _text(honest)
    assert "replay:" not in text
    assert "substitute" not in text
    other = replace(fake.attacks[1], threat=replace(fake.threat, eps=0.1))
    assert " eps " not in _text(fake)
    assert re.search(r"steps +eps +accuracy", _text(replace(fake, attacks=(*fake.attacks, other))))


@pytest.mark.parametrize("width", [60, 72, 80, 88, 100, 120])
def test_numbers_of_the_table_are_never_broken(fake: Report, width: int) -> None:
    """What a narrow page has no room for goes as a whole: first the time, then the intervals; names go on below."""
    both = SessionAccuracies(Estimate(0.5, 0.44, 0.56, 300), Estimate(0.25, 0.2, 0.3, 300), 75)
    settings = replace(fake.attacks[1].settings, surrogate=Surrogate.parse("tanh:4..0.5:reach"))
    row = replace(fake.attacks[1], sessions=both, settings=settings)
    text = _text(replace(fake, attacks=(row,), sweeps=()), width)
    table = text[text.index("surrogate") : text.index("Each success")]
    assert re.search(r" 50\.0 % +25\.0 % +75\b", table)
    assert table.count("[") == table.count("]") == len(re.findall(r"\[\d+\.\d, \d+\.\d\]", table))
    assert ("[" in table) == (width >= 80)


def test_bars_come_where_there_is_room(honest: Report, fake: Report) -> None:
    row = re.compile(r"PGD +1 .*█")
    assert row.search(_text(honest, 80))
    assert not row.search(_text(fake, 80))
    assert row.search(_text(fake, 120))


def test_every_sweep_is_a_chart(fake: Report) -> None:
    text = _text(fake)
    for words in ("iterations, PGD", "radius, PGD", "iterations, PGD++ with hns", "69.7", "90.0", "26.0"):
        assert words in text
    assert text.count("└") == 3


def test_the_signal_table_has_three_columns(fake: Report) -> None:
    text = _text(fake)
    assert re.search(r"mean \(ideally 1\) +21\.4 +1 +1\.83\n", text)
    assert re.search(r"gradient is zero +71\.0 % +1\.0 % +0\.0 %\n", text)
    assert re.search(r"b, median +1 +0\.0467 +0\.0855\n", text)


def test_findings_come_in_the_order_of_the_argument(fake: Report) -> None:
    text = _flat(_text(fake))
    for finding in fake.findings:
        assert f"{finding.severity.upper()} {finding.rule.code} {finding.rule.name}" in text
        assert f"({finding.confidence} confidence)" in text
        assert finding.message in text
    text = text[text.index(" Findings ") :]
    places = [text.index(code) for code in ("MF405", "GM103", "SP202", "FR301")]
    assert places == sorted(places)
    assert text.count("bnnaudit explain CODE") == 1
    assert "No evidence" not in text


def test_nothing_that_was_left_aside_disappears(fake: Report) -> None:
    text = _flat(_text(fake))
    assert "GM103 until 2030-01-31 by ml-release: accepted for the pilot, see the risk register" in text
    assert "random-search: needs more than the 60 s that are allowed" in text
    assert "restarts: out of memory at batch size 512" in text


def test_checks_that_were_skipped_for_one_reason_share_a_line(fake: Report) -> None:
    skips = (Skip("radius", "left out"), Skip("noise", "no time"), Skip("transfer", "left out"))
    text = _text(replace(fake, skipped=skips))
    assert "  • radius, transfer: left out\n  • noise: no time\n" in text


def test_empty_lists_are_said_to_be_empty(honest: Report) -> None:
    assert "Nothing waived, nothing skipped, nothing broken." in _text(honest)


def test_no_finding_is_no_proof(honest: Report) -> None:
    assert "No evidence of gradient masking was found." in _text(honest)
    skipped = replace(honest, skipped=(Skip("transfer", "no substitute"),))
    assert "No evidence of gradient masking was found by the checks that could run." in _text(skipped)
    assert honest.verdict is not None
    doubted = replace(skipped, verdict=replace(honest.verdict, status=Status.INCONCLUSIVE))
    assert "No evidence of gradient masking was found, but the verdict is inconclusive." in _text(doubted)


def test_facts_about_the_model_are_no_evidence_of_masking(fake: Report) -> None:
    verdict, cause, _, model = fake.findings

    def said(*findings: Finding) -> bool:
        return "No evidence of gradient masking" in _text(replace(fake, findings=findings))

    assert said(model)
    assert said(model, replace(verdict, severity=Severity.NOTE))
    assert not said(verdict)
    assert not said(cause)


def test_an_attack_alone_says_nothing_about_masking(fake: Report, attack_only: Report) -> None:
    told = replace(attack_only, findings=tuple(f for f in fake.findings if f.rule.family is Family.MODEL))
    text = _text(told)
    assert "MF405" in text
    assert "No evidence" not in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ascii", [False, True])
def test_no_line_is_wider_than_asked(reports: dict[str, Report], name: str, width: int, ascii: bool) -> None:
    report = reports[name]
    long = replace(report, model=replace(report.model, path="folder/" * 30 + "模型.onnx"))
    assert max(cell_len(line) for line in _text(long, width, ascii=ascii).splitlines()) <= width


@pytest.mark.parametrize("name", NAMES)
def test_without_colour_there_are_no_escapes(
    reports: dict[str, Report], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in _text(reports[name])


def test_with_colour_the_words_are_the_same(fake: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")  # the caller decides, not the environment
    coloured = _text(fake, color=True)
    assert "\x1b[1;31mFAIL" in coloured
    assert "\x1b[36m████\x1b[0m" in coloured  # bars are bright, only the axis is dim
    assert _flat(re.sub(r"\x1b\[[0-9;]*m", "", coloured)) == _flat(_text(fake))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("color", [False, True])
def test_ascii_keeps_to_ascii(reports: dict[str, Report], name: str, color: bool) -> None:
    report = reports[name]
    foreign = replace(report, model=replace(report.model, path="模型 ≥ é.onnx"))
    text = _text(foreign, ascii=True, color=color)
    assert text.isascii()
    assert "?? >= ?.onnx" in text


def test_words_from_outside_are_never_markup_nor_control_codes(fake: Report) -> None:
    hostile = replace(
        fake,
        provenance=replace(fake.provenance, command="check [bold]"),
        model=replace(fake.model, path="[red]x[/red].onnx", runtime="\x1b]0;title\x07 [/]"),
        data=replace(fake.data, source=":smile: [link=x]"),
        skipped=(Skip("[/nothing]", "\x1b[2Jcleared"),),
        findings=(replace(fake.findings[0], message="[blink]hello[/blink] \u202eolleh"),),
    )
    text = _text(hostile)
    for words in ("[red]x[/red].onnx", ":smile: [link=x]", "[/nothing]", "[blink]hello[/blink] \\u202eolleh", "[bold]"):
        assert words in text
    assert "\\x1b]0;title\\x07 [/]" in text
    assert "\x1b" not in text


def test_the_width_is_that_of_the_terminal_unless_given(fake: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    text = write_text(fake, Page())
    assert max(cell_len(line) for line in text.splitlines()) == 70
    monkeypatch.setenv("COLUMNS", "400")
    assert max(cell_len(line) for line in write_text(fake, Page()).splitlines()) == 120


def test_the_chain_names_symptoms_causes_and_what_each_cure_recovers(fake: Report) -> None:
    text = _text(fake)
    assert re.search(r"Symptoms +GM103 transfer-beats-white-box", text)
    assert re.search(r"Causes +SP202 saturated-error-signal", text)
    assert re.search(r"Cure +temperature \(b by HNS\) alone recovers 171 of 175 images; against", text)
    assert "against SP202" in _flat(text)
    assert "Of the 175 images that the claim's attack leaves" in _flat(text)
    assert re.search(r"temperature +b by HNS +171 +97\.7 % +\[94\.3, 99\.1\]", text)
    assert re.search(r"restarts +20 starts +0 +0\.0 %", text)


def test_no_chain_where_nothing_was_left_or_tried(honest: Report, attack_only: Report) -> None:
    for report in (attack_only, replace(honest, cures=())):
        assert "What each cure recovers" not in _text(report)
    none_left = replace(honest.cures[0], recovered=replace(honest.cures[0].recovered, n=0))
    assert "What each cure recovers" not in _text(replace(honest, cures=(none_left,)))


def test_an_honest_model_gets_the_table_without_an_accusation(honest: Report) -> None:
    text = _text(honest)
    assert "everything" in text
    assert "Symptoms" not in text
    assert "Cure" not in text


def test_the_header_says_what_attacks_climb_and_how_ties_end(fake: Report) -> None:
    scores = ScoreFacts("logits", "Gemm", ("Softmax", "QuantizeLinear"), 432, 17)
    model = replace(fake.model, scores=scores, single="probability")
    text = _flat(_text(replace(fake, model=model, output=OutputScores(50, 2, 40, 450, 500))))
    assert "a single probability for each image, that of the second of two classes" in text
    assert (
        "attacks follow tensor 'logits' (Gemm), and the output decides: its largest entry is in the output's class on all 432"
        in text
    )
    assert "the two largest are equal on 2 of 50 clean images: the first class wins" in text
    assert "attacks follow" not in _text(fake)


@pytest.mark.parametrize("width", [60, 72, 80, 100])
def test_a_figure_and_its_interval_stand_on_one_line(reports: dict[str, Report], width: int) -> None:
    for name in set(reports) - {"hostile"}:
        text = write_text(reports[name], Page(width, verbose=True))
        assert not re.search(r"[0-9]\n *%|\[-?[0-9.]+,\n", text), name
        assert GLUE not in text
        assert GLUE not in write_text(reports[name], Page(width, ascii=True, color=True))
