"""Publications as text and as JSON."""

import pytest
from rich.cells import cell_len

from bnnaudit.core.sources import SOURCES, Publication
from bnnaudit.reports.terminal.sources import render_sources, source_to_json

BOOK = Publication("A book", "J. Doe", "A title", "A journal 1, 1900", "")


def test_a_publication_is_a_label_and_a_sentence() -> None:
    assert render_sources([BOOK], width=80) == "[A book]\n  J. Doe: A title. A journal 1, 1900\n"


def test_a_link_is_told_where_there_is_one() -> None:
    paper = SOURCES["Gupta & Ajanthan 2022"]
    assert " ".join(render_sources([paper]).split()).endswith(". AAAI 2022, https://arxiv.org/abs/2003.13511")
    assert source_to_json(paper)["link"] == "https://arxiv.org/abs/2003.13511"
    assert source_to_json(BOOK)["link"] == ""


@pytest.mark.parametrize("width", [40, 80])
def test_no_line_is_wider_than_asked(width: int) -> None:
    text = render_sources(SOURCES.values(), width=width, ascii=True)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert text.isascii()
