import json
from dataclasses import fields, replace

import pytest
from rich.cells import cell_len

from bnnaudit.core.finding import Rule
from bnnaudit.reports.documents import Catalogue
from bnnaudit.reports.json.explanation import rule_to_json
from bnnaudit.reports.json.parts import json_text
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.writer import write_text

SECTIONS = ("What it means", "How it is measured", "Threshold", "Source", "What to do", "False alarms")


def test_a_page_has_every_text_of_the_rule_in_order(rule: Rule) -> None:
    text = " ".join(write_text(rule, Page(80)).split())
    for words in (rule.summary, rule.threshold, rule.source, rule.remedy, rule.false_alarms):
        assert words in text
    assert text.startswith("FR301 fake-robustness ERROR")
    places = [text.index(f"── {section} ") for section in SECTIONS]
    assert places == sorted(places)


def test_a_page_ends_in_the_publications_that_the_rule_cites(rule: Rule) -> None:
    text = " ".join(write_text(rule, Page(80)).split())
    assert text.endswith(
        "Improved gradient-based adversarial attacks for quantized networks. AAAI 2022, https://arxiv.org/abs/2003.13511"
    )
    assert "Publications" not in write_text(replace(rule, source="This tool's own requirement."), Page(80))


def test_paragraphs_and_lists_keep_their_shape(rule: Rule) -> None:
    text = write_text(rule, Page(80))
    assert "  Ordinary PGD leaves much, a better attack leaves little.\n\n  The second paragraph" in text
    assert "\n    • claimed, by PGD-20\n    • verified, by everything that ran\n" in text


def test_lines_of_a_source_file_are_joined_into_a_paragraph(rule: Rule) -> None:
    text = write_text(replace(rule, source="Gupta and\n        Ajanthan"), Page(80))
    assert "  Gupta and Ajanthan\n" in text


def test_the_catalogue_has_every_rule_in_the_order_given(rule: Rule) -> None:
    other = replace(rule, code="GM101", name="iterations-do-not-help")
    text = write_text(Catalogue((other, rule)), Page(80))
    assert 0 <= text.index("GM101") < text.index("FR301")
    assert text.count("What to do") == 2


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_asked(rule: Rule, width: int) -> None:
    assert max(cell_len(line) for line in write_text(rule, Page(width)).splitlines()) <= width


def test_markup_in_a_rule_is_text_and_colour_is_a_choice(rule: Rule) -> None:
    odd = replace(rule, meaning="weights in [0, 1] and [bold]not bold[/bold]")
    assert "weights in [0, 1] and [bold]not bold[/bold]" in write_text(odd, Page(80))
    assert "\x1b" not in write_text(odd, Page(80))
    assert "\x1b" in write_text(odd, Page(80, color=True))
    assert write_text(odd, Page(80, ascii=True)).isascii()


def test_the_document_holds_every_field(rule: Rule) -> None:
    document = json.loads(json_text(rule_to_json(rule)))
    assert document.pop("rule") == "FR301"
    labels = [source["label"] for source in document.pop("publications")]
    assert labels == ["Athalye et al. 2018", "Gupta & Ajanthan 2022"]
    assert document == {field.name: getattr(rule, field.name) for field in fields(Rule) if field.name != "code"}
