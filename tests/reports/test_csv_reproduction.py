"""The paper's tables as CSV: a line for each figure, ours and the paper's in the same unit."""

from __future__ import annotations

import csv
import io

import pytest

from bnnaudit.core.reproduction import TableName, Unit
from bnnaudit.experiments.paper import paper
from bnnaudit.reports.csv import write_csv
from bnnaudit.reports.csv_reproduction import REPRODUCTION_COLUMNS
from bnnaudit.reports.page import Page
from tests.reports.reproductions import reproduction


def rows_of(*names: TableName) -> list[dict[str, str]]:
    text = write_csv(reproduction(*names), Page(80))
    assert text.startswith(",".join(REPRODUCTION_COLUMNS) + "\r\n")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("name", list(TableName))
def test_every_figure_has_its_line(name: TableName) -> None:
    found = reproduction(name).tables[0]
    rows = rows_of(name)
    assert (
        len(rows)
        == sum(len(model.rows) for model in found.models) + sum(len(each.figures) for each in found.missing) + 1
    )  # the model that could not be run
    papers = [float(row["paper"]) for row in rows if row["paper"]]
    wanted = [float(figure) for each in paper().tables[name].networks for figure in each.figures.values()]
    assert sorted(papers) == sorted(wanted)


def test_accuracies_are_in_percent_as_the_paper_s_and_the_difference_is_theirs() -> None:
    rows = [row for row in rows_of() if row["key"] == "square"]
    ours, own, *missing = rows
    assert (ours["value"], ours["paper"], ours["unit"]) == ("99.5", "16.67", str(Unit.PERCENT))
    assert float(ours["difference"]) == pytest.approx(float(ours["value"]) - float(ours["paper"]))
    assert float(ours["low"]) < 99.5 < float(ours["high"]) <= 100
    assert (ours["width"], ours["paper_network"], ours["queries"]) == ("16", "BNN-WAQ, VGG-16 on CIFAR-10", "5000")
    assert (own["paper"], own["difference"], own["paper_network"], own["binarizer"]) == ("", "", "", "ste")
    assert [(row["model"], row["value"], row["paper"], row["note"]) for row in missing] == [
        ("", "", "2.25", "no such network here"),
        ("", "", "1.98", "no such network here"),
    ]


def test_what_could_not_be_run_is_a_line_too() -> None:
    last = rows_of()[-1]
    assert (last["model"], last["note"]) == ("nets/gone.onnx", "not run: data: there is no `images.npz`")


def test_points_of_curves_have_their_place() -> None:
    rows = [row for row in rows_of(TableName.FIGURE1) if row["series"] == "PGD" and "iterations" in row["key"]]
    assert [row["x"] for row in rows[:7]] == ["1", "2", "5", "10", "20", "50", "100"]
