"""Tables: numbers are never broken, words only where nothing else is left, and what has no room is named."""

import re

import pytest
from rich.text import Text

from bnnaudit.reports.page import NARROWEST, WIDEST, Page
from bnnaudit.reports.terminal.typesetting import Column, fitting, heading, labelled, natural_width, table
from bnnaudit.reports.terminal.writer import draw


def cells(*words: str) -> list[Text]:
    return [Text(word) for word in words]


NAMES = Column("name", cells("square attack", "random search"), wraps=True)
NUMBERS = Column("accuracy", cells("58.2 %", "100.0 %"), right=True)
INTERVALS = Column("95 %", cells("[52.5, 63.7]", "[98.7, 100.0]"), spare=1)
TIMES = Column("time", cells("412 ms", "1.5 s"), right=True, spare=2)
COLUMNS = (NAMES, NUMBERS, INTERVALS, TIMES)


def drawn(columns: tuple[Column, ...], width: int) -> list[str]:
    return draw([table(columns, Page(width))], Page(width)).splitlines()


def test_a_table_that_fits_has_two_blanks_between_its_columns() -> None:
    assert natural_width(COLUMNS) == 2 + 13 + 2 + 8 + 2 + 13 + 2 + 6
    assert drawn(COLUMNS, 48) == [
        "  name           accuracy  95 %             time",
        "  square attack    58.2 %  [52.5, 63.7]   412 ms",
        "  random search   100.0 %  [98.7, 100.0]   1.5 s",
    ]


def test_names_go_on_in_the_next_line_before_a_column_goes() -> None:
    assert drawn(COLUMNS, 41) == [
        "  name      accuracy 95 %            time",
        "  square      58.2 % [52.5, 63.7]  412 ms",
        "  attack",
        "  random     100.0 % [98.7, 100.0]  1.5 s",
        "  search",
    ]


def test_the_spare_columns_go_one_after_the_other_and_are_named() -> None:
    wide = Column("queries", cells("5,000 q x 1", "5,000 q x 1"))
    columns = (*COLUMNS, wide)
    assert fitting(columns, Page(60)) == [*COLUMNS, wide]
    assert fitting(columns, Page(48)) == [NAMES, NUMBERS, INTERVALS, wide]
    assert fitting(columns, Page(40)) == [NAMES, NUMBERS, wide]
    assert drawn(columns, 40)[-1] == "  No room for: 95 %, time."


def test_a_word_is_cut_only_where_nothing_else_is_left() -> None:
    names = Column("", cells("a" * 30, "b"), wraps=True)
    text = drawn((names, NUMBERS, Column("queries", cells("5,000 q x 1", "1"))), 40)
    assert max(map(len, text)) <= 40
    assert "".join(line[2:].split(" ")[0] for line in text if "a" in line[:10]) == "a" * 30


@pytest.mark.parametrize(("width", "columns"), [(1, NARROWEST), (40, 40), (77, 77), (400, WIDEST)])
def test_a_page_is_neither_too_narrow_nor_too_wide(width: int, columns: int) -> None:
    assert Page(width).columns == columns


@pytest.mark.parametrize("color", [False, True])
def test_a_figure_is_not_broken_from_its_percent_sign_nor_in_its_interval(color: bool) -> None:
    """In any width that has room for the whole interval."""
    words = "of 300 images at most 0.0 % [0.0, 7.1] are left, 41.0 points lower [-34.9, +46.7], and 3 others"
    for width in range(NARROWEST, 81):
        page = Page(width, color)
        text = draw([labelled([("Verified", page.text(words))])], page)
        assert {"0.0 %", "[0.0, 7.1]", "[-34.9, +46.7]"} <= {
            figure for line in text.splitlines() for figure in re.findall(r"0\.0 %|\[[^m\]]*\]", line)
        }
        assert " ".join(re.sub("\x1b[^m]*m|Verified", "", text).split()) == words


def test_a_title_from_outside_cannot_steer_the_terminal() -> None:
    """Such as a model's name."""
    assert heading("a\x1b[2J\u202eb", Page(40)).plain == f"\n── a\\x1b[2J\\u202eb {'─' * 21}"
    assert len(heading("x" * 10_000, Page(40)).plain) < 300
