"""Publications as text and as JSON."""

import json

import pytest
from rich.cells import cell_len

from bnnaudit.core.sources import SOURCES, Publication
from bnnaudit.reports.documents import Bibliography
from bnnaudit.reports.json.explanation import bibliography_to_json
from bnnaudit.reports.json.parts import json_text
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.writer import write_text

BOOK = Publication("A book", "J. Doe", "A title", "A journal 1, 1900", "")


def test_a_publication_is_a_label_and_a_sentence() -> None:
    assert write_text(Bibliography((BOOK,)), Page(80)) == "[A book]\n  J. Doe: A title. A journal 1, 1900\n"


def test_a_link_is_told_where_there_is_one() -> None:
    paper = SOURCES["Gupta & Ajanthan 2022"]
    assert " ".join(write_text(Bibliography((paper,)), Page(80)).split()).endswith(
        ". AAAI 2022, https://arxiv.org/abs/2003.13511"
    )
    first, second = json.loads(json_text(bibliography_to_json(Bibliography((paper, BOOK)))))["sources"]
    assert (first["link"], second["link"]) == ("https://arxiv.org/abs/2003.13511", "")


@pytest.mark.parametrize("width", [40, 80])
def test_no_line_is_wider_than_asked(width: int) -> None:
    text = write_text(Bibliography(tuple(SOURCES.values())), Page(width, ascii=True))
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert text.isascii()
