"""The page of the paper's tables."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.core.reproduction import TableName
from bnnaudit.reports.html.room import LARGEST_PAGE
from bnnaudit.reports.html.writer import write_html
from bnnaudit.reports.page import Page
from tests.reports.hostile import EVERYTHING
from tests.reports.html.outline import Outline
from tests.reports.reproductions import reproduction


def test_a_table_has_our_figures_beside_the_paper_s() -> None:
    page = Outline(write_html(reproduction(), Page()))
    assert page.headings[0] == (1, "Table 8: APGD and the Square Attack against PGD++ on VGG-16")
    assert "Square | 99.5 % | [97.2, 99.9] | 16.67 % | +82.8 [+80.6, +83.2] | 1234.5 s" in page.text
    assert "holds PGD++ is at least as strong as every attack without a temperature." in page.text
    assert "REF, VGG-16 on CIFAR-10 | APGD DLR 0.79 %" in page.text
    assert "nets/gone.onnx" in page.text


def test_several_tables_begin_with_the_claims_and_figures_are_drawn() -> None:
    page = Outline(write_html(reproduction(TableName.TABLE8, TableName.FIGURE1, TableName.FIGURE4), Page()))
    assert page.headings[0][1] == "1 table and 2 figures of the paper"
    assert (2, "The paper's claims") in page.headings
    assert (
        "own.onnx | BNN-WAQ (ste), cnn on digits | 200 images of digits-test.npz | 100.0 % [98.1, 100.0]" in page.text
    )
    assert [dict(attributes)["href"] for tag, attributes in page.tags if tag == "a"] == [
        "#table8",
        "#figure1",
        "#figure4",
    ]
    assert {"table8", "figure1", "figure4", "claims"} <= set(page.attributes("id"))
    assert sum(tag == "polyline" for tag, _ in page.tags) == 2 * (5 + 3)


def test_a_page_stays_small_and_says_what_it_leaves_out() -> None:
    found = reproduction(TableName.FIGURE1)
    many = replace(found.tables[0], models=found.tables[0].models * 100)
    text = write_html(replace(found, tables=(many,)), Page())
    assert len(text.encode()) <= LARGEST_PAGE
    assert "more networks are left out of this page" in text


def test_a_stranger_s_name_is_text_alone() -> None:
    found = reproduction(TableName.FIGURE1)
    (table,) = found.tables
    network = replace(table.models[0].network, data=EVERYTHING, architecture=EVERYTHING)
    model = replace(table.models[0], path=EVERYTHING, network=network)
    page = Outline(write_html(replace(found, tables=(replace(table, models=(model,)),)), Page()))
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
