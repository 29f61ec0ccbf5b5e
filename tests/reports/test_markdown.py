"""Markdown as a parser reads it: what is ours is markup, and what is a stranger's is words."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bnnaudit.core.errors import UsageError
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Skip
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.citation import citation
from bnnaudit.reports.markdown import LARGEST, write_markdown
from bnnaudit.reports.markdown_text import code, fenced, html_words, table, words
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import safe
from tests.reports import hostile as strange

COMMENT = "<!-- -->"


def parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")


def write(document: Report | Suite | Failure) -> str:
    return write_markdown(document, Page())


def tokens(text: str) -> list[Token]:
    """Blocks, and what stands in their lines, one after the other."""
    found = []
    for token in parser().parse(text):
        found += [token, *(token.children or ())]
    return found


def tables(text: str) -> list[list[list[str]]]:
    """The cells of each table, as plain text."""
    found: list[list[list[str]]] = []
    for token, after in zip(parsed := parser().parse(text), [*parsed[1:], None], strict=True):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("th_open", "td_open"):
            assert after is not None
            found[-1][-1].append("".join(child.content for child in after.children or ()))
    return found


def test_the_verdict_is_one_sentence_at_the_top_and_the_gate_another(fake: Report) -> None:
    lines = [line for line in write(fake).splitlines() if line]
    assert lines[0] == "## FAIL: `sample_models/digits_bnn_waq.onnx` under L-inf 0.3"
    assert lines[1] == "**Model:** fake robustness: at most 0.0 % withstand L-inf 0.3, not 58.2 %"
    assert lines[2] == "**Gate:** FAIL, exit 1: 3 of 7 criteria failed, 1 undecided"


def test_the_figures_have_their_intervals_and_a_declared_one_has_none(fake: Report, claim_not_met: Report) -> None:
    assert tables(write(fake))[0][1:] == [
        ["clean", "98.3 %", "[96.1, 99.3]", "without attack, on 300 images"],
        ["claimed", "58.2 %", "[52.5, 63.7]", "what ordinary PGD leaves, on 300 images"],
        ["verified", "at most 0.0 %", "[0.0, 1.3]", "what all attacks together leave, on 300 images"],
    ]
    assert tables(write(claim_not_met))[0][2:4] == [
        ["claimed", "66.0 %", "-", "declared by the card"],
        ["ordinary attacks", "55.0 %", "[49.3, 60.5]", "what ordinary PGD leaves, on 300 images"],
    ]


def test_every_criterion_finding_advice_fault_and_skip_is_there(fake: Report) -> None:
    text = write(fake)
    assert fake.gate is not None
    asked = tables(text)[1][1:]
    assert [row[:2] for row in asked] == [[each.asked, each.outcome] for each in fake.gate.criteria]
    for finding in fake.findings:
        assert f"<summary>{finding.severity.upper()} {finding.rule.code} {finding.rule.name}" in text
        assert finding.message in text
    for item in fake.advice:
        assert f"- {item.text}" in text
    for part in (
        "**What would cure the attacks that fail:** temperature (b by HNS) alone recovers 171 of 175 images",
        "Waived until 2030-01-31 by ml-release: accepted for the pilot, see the risk register",
        "- The waiver of SP202 by ml-release expired on 2024-01-31: until the driver is replaced",
        "- `restarts`: out of memory at batch size 512",
        "<summary>1 check skipped</summary>",
        "```text\ncheck\n```",
        f"To cite this audit:\n\n```text\n{citation(fake)}\n```",
        f"SHA-256 `{fake.model.sha256}`",
    ):
        assert part in text
    assert len(tables(text)) == 2 + 1 + 3  # figures, gate; attacks; three sweeps
    places = [text.index(f"<summary>{level} ") for level in ("ERROR", "WARNING", "NOTE")]
    assert places == sorted(places)


def test_a_suite_begins_with_one_table_of_all(suite: Suite) -> None:
    text = write(suite)
    assert text.startswith("## bnnaudit: FAIL  3 audits: 1 not audited, 1 failed, 1 passed; exit code 2\n")
    assert tables(text)[0][1:] == [
        ["sample_models/digits_bnn_waq.onnx", "L-inf 0.3", "98.3 %", "58.2 %", "0.0 %", "fake robustness", "FAIL", "1"],
        ["ref_adversarial.onnx", "L-inf 8/255", "98.3 %", "64.3 %", "64.3 %", "robust as claimed", "PASS", "0"],
        ["broken.onnx", "-", "-", "-", "-", "not audited", "-", "2"],
    ]
    assert "### UNDECIDED: `broken.onnx` was not audited" in text
    assert text.count("\n### ") == 3


def test_a_failure_never_looks_clean(failure: Failure) -> None:
    text = write(failure)
    assert text.startswith("## UNDECIDED: `broken.onnx` was not audited\n")
    assert "Exit code 2, bad input or usage: broken.onnx: it is not an ONNX file" in text


def test_a_run_that_judged_nothing_says_what_it_measured(attack_only: Report) -> None:
    text = write(attack_only)
    assert text.startswith("## `sample_models/digits_bnn_waq.onnx` under L2 120/255\n")
    assert "adversarial accuracy 9.3 %" in text
    assert "judged by the model's own answers" in text


@pytest.mark.parametrize("name", ["fake", "hostile", "suite", "failure", "attack"])
def test_every_folded_part_is_closed(runs: dict[str, Report | Suite | Failure], name: str) -> None:
    html = [token.content for token in tokens(write(runs[name])) if token.type == "html_block"]
    joined = "".join(html)
    assert joined.count("<details>") == joined.count("</details>") == joined.count("<summary>")
    for block in html:
        assert re.fullmatch(r"<details>\n<summary>[^<>]*(?:<!-- -->[^<>]*)*</summary>\n?|</details>\n?", block), block


@pytest.mark.parametrize("word", [*strange.WORDS, strange.EVERYTHING, "# x", "1. x", "- x", "===", "---", "GH-12 #34"])
def test_a_strangers_words_stay_words(fake: Report, word: str) -> None:
    kinds, plain = (
        Counter(token.type for token in tokens(write(strange.with_names(fake, name)))) for name in (word, "plain")
    )
    comments = {each.content for each in tokens(write(strange.with_names(fake, word))) if each.type == "html_inline"}
    for ignored in ("text", "text_special", "html_inline"):
        kinds.pop(ignored, None)
        plain.pop(ignored, None)
    assert kinds == plain
    assert comments <= {COMMENT}


@pytest.mark.parametrize("word", [*strange.WORDS, strange.EVERYTHING])
def test_no_mention_reference_or_address_is_left_in_one_piece(word: str) -> None:
    """GitHub makes links of them after Markdown, in any text that is not code."""
    for written in (words(word, 5_000), html_words(word, 5_000)):
        for piece in written.split(COMMENT):
            assert not re.search(r"@\w|\w://|www\.\w|#\d", piece)


def test_words_read_as_they_were_written() -> None:
    for word in strange.WORDS:
        shown = "".join(token.content for token in tokens(words(word)) if token.type in ("text", "text_special"))
        assert " ".join(shown.split()) == " ".join(safe(word).split())


def test_code_is_code_whatever_backticks_it_holds() -> None:
    for name in ("plain", "a`b", "``", "`", "a``b`c", "`a`", "x | y", "<b>", "a\\"):
        (inline,) = [token for token in parser().parse(code(name)) if token.type == "inline"]
        assert [child.type for child in inline.children or ()] == ["code_inline"]
        assert inline.children
        assert inline.children[0].content == name
        assert tables(table(("t", "u"), [(code(name), "y")])) == [[["t", "u"], [name, "y"]]] or name == "a\\"
        (fence,) = parser().parse(fenced(name))
        assert (fence.type, fence.content) == ("fence", name + "\n")
    assert code("") == "-"


def test_it_stays_below_64_kib_whatever_it_holds(fake: Report, enormous: Report, suite: Suite) -> None:
    skips = tuple(Skip(f"check-{index}", strange.EVERYTHING) for index in range(3000))
    many = replace(fake, skipped=skips, findings=fake.findings * 500)
    for document in (
        enormous,
        many,
        replace(suite, entries=suite.entries * 200),
        replace(suite, entries=(enormous,) * 40),
    ):
        text = write(document)
        assert len(text.encode()) < LARGEST < 65_536
        html = "".join(token.content for token in tokens(text) if token.type == "html_block")
        assert html.count("<details>") == html.count("</details>")
    assert re.search(
        r"\*Cut here: \d[\d,]* parts more have no room in 64 KiB\. The JSON report holds everything\.\*\n$", write(many)
    )
    assert write(many).startswith(write(fake)[:500])
    assert "Cut here" not in write(enormous)
    assert "and 500 more audits" in write(replace(suite, entries=suite.entries * 200))


def test_other_documents_are_refused(facts: ModelFacts) -> None:
    with pytest.raises(UsageError, match="markdown"):
        write_markdown(facts, Page())
