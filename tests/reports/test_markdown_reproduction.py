"""The paper's tables as Markdown."""

from __future__ import annotations

from dataclasses import replace

from markdown_it import MarkdownIt

from bnnaudit.core.reproduction import TableName
from bnnaudit.reports.markdown import write_markdown
from bnnaudit.reports.page import Page
from tests.reports.hostile import EVERYTHING
from tests.reports.reproductions import reproduction


def test_a_row_has_our_figure_its_interval_the_paper_s_and_the_difference() -> None:
    text = write_markdown(reproduction(), Page(80))
    assert "|  | here | 95 % | paper | difference | time |\n| --- | --: | --: | --: | --: | --: |" in text
    assert "| Square | 99.5 % | \\[97.2, 99.9\\] | 16.67 % | \\+82.8 \\[+80.6, +83.2\\] | 1234.5 s |" in text
    assert "| Square | 99.5 % | \\[97.2, 99.9\\] | \\- | \\- | 1234.5 s |" in text
    assert "<https://arxiv.org/abs/2003.13511>" in text
    assert "at least as strong as every attack without a temperature. **holds**: PGD++ HNS 98.5 %" in text
    assert "<summary>2 networks of the paper missing here</summary>" in text
    assert "| REF, VGG-16 on CIFAR-10 | APGD DLR 0.79 %, Square 2.25 %, PGD++ NJS 0.00 %, PGD++ HNS 0.00 % |" in text


def test_a_page_of_several_tables_begins_with_what_became_of_the_claims() -> None:
    text = write_markdown(reproduction(TableName.TABLE13, TableName.FIGURE4), Page(80))
    assert text.startswith("## 1 table and 1 figure of the paper")
    assert "| `own.onnx` | BNN-WAQ (ste), cnn on digits | 200 images of digits-test.npz | 100.0 %" in text
    assert "|  | the paper's claim | holds for | does not hold for | inconclusive for |" in text
    assert "| Figure 4 | The error signal falls as b grows. | `bnn-waq.onnx`, `own.onnx` | - | - |" in text
    assert text.index("## Table 13: ") < text.index("## Figure 4: ")
    assert "| temperature b | \\|\\|psi\\|\\| |" in text


def test_a_page_is_as_long_as_it_needs_to_be() -> None:
    found = reproduction(*TableName)
    many = tuple(replace(table, models=table.models * 4) for table in found.tables)
    text = write_markdown(replace(found, tables=many), Page(80))
    assert len(text) > 65_000
    assert text.count("## Figure 5: ") == 1


def test_a_stranger_s_name_is_text_alone() -> None:
    found = reproduction()
    (table,) = found.tables
    model = replace(table.models[0], path=EVERYTHING, network=replace(table.models[0].network, data=EVERYTHING))
    text = write_markdown(replace(found, tables=(replace(table, models=(model,)),)), Page(80))
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "<script" not in html
    assert "<img" not in html
    assert "javascript:" not in html.replace("javascript:alert", "") or 'href="javascript' not in html
