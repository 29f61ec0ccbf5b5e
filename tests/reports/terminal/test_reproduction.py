"""The paper's tables as text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bnnaudit.core.reproduction import Claim, Outcome, TableName
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.writer import write_text
from tests.reports.reproductions import reproduction


def words(*names: TableName, width: int = 120) -> str:
    return " ".join(write_text(reproduction(*names), Page(width)).split())


@pytest.mark.parametrize("name", list(TableName))
@pytest.mark.parametrize("width", [60, 80, 120])
def test_lines_keep_to_the_page_and_names_of_rows_are_never_cut(name: TableName, width: int) -> None:
    text = write_text(reproduction(name), Page(width))
    assert max(map(len, text.splitlines())) <= width
    if name is TableName.TABLE8:
        assert re.search(r"PGD\+\+ HNS,\s.*\n?.*tanh:4\.\.0\.5:reach", text)


def test_our_figure_the_paper_s_and_the_difference_stand_in_one_line() -> None:
    text = write_text(reproduction(), Page(120))
    assert re.search(r"Square +99\.5 % +\[97\.2, 99\.9\] +16\.67 % +\+82\.8 +1234\.5 s", text)
    assert re.search(r"Square +99\.5 % +\[97\.2, 99\.9\] +- +- +1234\.5 s", text)


def test_it_is_said_what_the_paper_s_figures_are_of() -> None:
    text = words()
    assert text.startswith(
        "Table 8: APGD and the Square Attack against PGD++ on VGG-16 Paper K. Gupta, T. Ajanthan: Improved"
    )
    assert text.count("Improved gradient-based adversarial attacks for quantized networks") == 1
    assert "the AAAI 2022 version" in text
    assert (
        "The paper's figures are those of its BNN-WAQ, VGG-16 on CIFAR-10, but its first layer has 16 channels and its data "
        "are a JPEG copy." in text
    )
    assert "Table 8 of the paper has no such network; the nearest is its BNN-WAQ, VGG-16 on CIFAR-10." in text
    assert "Missing of the paper's networks: REF, VGG-16 on CIFAR-10; BNN-WQ (md-tanh-s), VGG-16 on CIFAR-10." in text
    assert "Not run: nets/gone.onnx: data: there is no `images.npz`" in text


def test_a_claim_is_said_with_what_speaks_for_it() -> None:
    assert (
        "The paper's claim: PGD++ is at least as strong as every attack without a temperature. Holds here: PGD++ HNS 98.5 % "
        "[95.7, 99.5], Square 99.5 % [97.2, 99.9] (p = 0.5)." in words()
    )
    found = reproduction()
    (table,) = found.tables
    other = (Claim("It rains.", Outcome.FAILS), Claim("It snows.", Outcome.UNDECIDED, why="no row ran"))
    changed = replace(found, tables=(replace(table, models=(replace(table.models[0], claims=other),)),))
    text = " ".join(write_text(changed, Page(120)).split())
    assert "It rains. Does not hold here. The paper's claim: It snows. Inconclusive here: no row ran." in text
    assert "Claims 1 does not hold, 1 is inconclusive" in text


def test_a_figure_is_a_table_of_its_points() -> None:
    text = write_text(reproduction(TableName.FIGURE1), Page(120))
    assert re.search(r"iterations +PGD +PGD\+\+ NJS", text)
    assert re.search(r"L-inf radius +PGD +PGD\+\+ NJS +PGD from the float twin", text)
    assert re.search(r" 4/255 +\d+\.\d % \[", text)
    long = write_text(reproduction(TableName.FIGURE4), Page(120))
    assert len(re.findall(r"^ +[0-9.e-]+ +[0-9.e-]+$", long, re.MULTILINE)) == 2 * 3 * 13


def test_several_tables_stand_below_one_another() -> None:
    names = (TableName.TABLE8, TableName.FIGURE1)
    text = words(*names)
    assert text.startswith("1 table and 1 figure of the paper")
    assert all(f"── {name.shown}: " in text for name in names)
    found = reproduction(*names)
    emptied = replace(found, tables=(replace(found.tables[0], models=()), found.tables[1]))
    text = " ".join(write_text(emptied, Page(120)).split())
    assert "No network available for Table 8." in text
    assert "── Table 8" not in text
