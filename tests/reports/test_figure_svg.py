"""A figure as SVG: well-formed, the same bytes for the same rows, every point where its value is, no label over another."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from bnnaudit.core.reproduction import ReproducedModel, ReproducedRow, ReproducedTable, TableName
from bnnaudit.reports.figure_svg import HEIGHT, WIDTH, figure_svg
from tests.reports.hostile import EVERYTHING
from tests.reports.reproductions import reproduction

SVG = "{http://www.w3.org/2000/svg}"
FIGURES = [name for name in TableName if name.is_figure]


def table_of(name: TableName) -> tuple[ReproducedTable, ReproducedModel]:
    (table,) = reproduction(name).tables
    return table, table.models[0]


def drawn(table: ReproducedTable, model: ReproducedModel) -> ElementTree.Element:
    return ElementTree.fromstring(figure_svg(table, model))


def texts(picture: ElementTree.Element) -> list[str]:
    return ["".join(node.itertext()) for node in picture.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", FIGURES)
def test_it_is_well_formed_and_repeats(name: TableName) -> None:
    table, model = table_of(name)
    picture = drawn(table, model)
    assert picture.tag == f"{SVG}svg"
    assert figure_svg(table, model) == figure_svg(table, model)
    shown = " ".join(texts(picture))
    assert name.shown in shown
    for panel in table.panels:
        assert panel.x_title in shown
    title = picture.find(f"{SVG}title")
    assert title is not None
    assert title.text is not None
    assert "bnn-waq.onnx" in title.text


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_lies_outside_of_the_picture(name: TableName) -> None:
    picture = drawn(*table_of(name))
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    for line in picture.iter(f"{SVG}polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height
    for node in picture.iter(f"{SVG}text"):
        assert 0 <= float(node.attrib["x"]) <= width
        assert 0 <= float(node.attrib["y"]) <= height


def test_a_point_is_as_high_as_its_value() -> None:
    """The axis goes from 0 to 100 %, so that a share of the height is a share of the images."""
    table, model = table_of(TableName.FIGURE3)
    picture = drawn(table, model)
    first = next(picture.iter(f"{SVG}polyline")).attrib["points"].split()
    heights = [float(point.split(",")[1]) for point in first]
    rows = [row for row in model.rows if row.series == model.rows[0].series]
    values = [row.value for row in rows]
    slopes = [(a - b) / (u - v) for a, b, u, v in zip(heights, heights[1:], values, values[1:], strict=False)]  # type: ignore[operator]
    assert slopes == pytest.approx([-HEIGHT] * len(slopes), rel=0.05)  # a tenth of a unit is written
    places = [float(point.split(",")[0]) for point in first]
    gaps = [b - a for a, b in pairwise(places)]
    assert gaps == pytest.approx([gaps[0]] * len(gaps), abs=0.2)  # each step is twice the one before
    assert sum(gaps) < WIDTH


def test_curves_differ_in_more_than_their_colour_and_have_a_legend() -> None:
    picture = drawn(*table_of(TableName.FIGURE1))
    lines = [(line.attrib["stroke"], line.attrib.get("stroke-dasharray")) for line in picture.iter(f"{SVG}polyline")]
    assert len({dash for _, dash in lines}) == len({color for color, _ in lines}) == 3
    shown = texts(picture)
    assert all(name in shown for name in ("PGD", "PGD++ NJS", "PGD from the float twin"))
    assert {"1", "2", "5", "10", "20", "50", "100"} <= set(shown)
    assert {"2/255", "4/255", "8/255", "16/255", "32/255"} <= set(shown)


def test_labels_of_an_axis_do_not_touch() -> None:
    table, model = table_of(TableName.FIGURE3)
    rows = tuple(replace(row, at=f"{row.at} of the whole range") for row in model.rows)
    picture = drawn(table, replace(model, rows=rows))
    places = [
        (float(node.attrib["x"]), len(node.text or ""))
        for node in picture.iter(f"{SVG}text")
        if "of the whole" in (node.text or "")
    ]
    assert places
    for (x, length), (following, _) in pairwise(places):
        assert following - x > 5 * length


def test_curves_against_b_have_powers_of_ten_and_marks() -> None:
    shown = texts(drawn(*table_of(TableName.FIGURE4)))
    assert {"10⁻³", "10⁻²", "10⁻¹", "10⁰", "10¹"} <= set(shown)
    assert shown.count("NJS") == shown.count("b = 1") == 3
    assert "‖ψ‖" in shown


def test_what_could_not_run_leaves_its_panel_empty() -> None:
    table, model = table_of(TableName.FIGURE3)
    rows = tuple(
        ReproducedRow(row.key, row.name, series=row.series, x=row.x, at=row.at, unable="no") for row in model.rows
    )
    assert "nothing could be run" in texts(drawn(table, replace(model, rows=rows)))


def test_a_single_point_and_a_curve_of_zeros_are_drawn() -> None:
    table, model = table_of(TableName.FIGURE4)
    flat = tuple(replace(row, number=0.0) for row in model.rows)
    assert "1" in texts(drawn(table, replace(model, rows=flat)))
    assert drawn(table, replace(model, rows=model.rows[:1])) is not None


def test_a_stranger_s_name_is_text_alone() -> None:
    table, model = table_of(TableName.FIGURE1)
    text = figure_svg(table, replace(model, path=EVERYTHING))
    picture = ElementTree.fromstring(text)
    assert {node.tag.removeprefix(SVG) for node in picture.iter()} <= {
        "svg",
        "title",
        "rect",
        "text",
        "path",
        "polyline",
    }
    assert not re.search(r"<script|<img|\son\w+=", text)


def test_any_number_of_panels_and_any_places() -> None:
    """As a JSON document from somebody else may have them."""
    table, model = table_of(TableName.FIGURE4)
    many = replace(table, panels=table.panels * 12)
    points = tuple(replace(row, panel=index) for index in range(36) for row in model.rows if row.panel == 0)
    shown = texts(drawn(many, replace(model, rows=points)))
    assert [words for words in shown if re.match(r"\((a|z|27|36)\) ", words)] == [
        "(a) Error signal",
        "(z) Softmax Jacobian",
        "(27) Hessian",
        "(36) Hessian",
    ]
    for least in (0.0, -1.0):
        rows = tuple(replace(row, x=least + index, at=str(index)) for index, row in enumerate(model.rows))
        assert "Error signal" in " ".join(texts(drawn(table, replace(model, rows=rows))))


@pytest.mark.parametrize("clean", [1.0, 0.6])
def test_no_curve_runs_through_the_words_on_the_clean_accuracy(clean: float) -> None:
    table, model = table_of(TableName.FIGURE1)
    rows = tuple(replace(row, cell=replace(row.cell, value=clean * 0.99)) for row in model.rows if row.cell)
    picture = drawn(table, replace(model, rows=rows, clean=replace(model.clean, value=clean)))
    words = [float(node.get("y", "")) for node in picture.iter(f"{SVG}text") if "no attack" in (node.text or "")]
    lines = [node.get("points", "") for node in picture.iter(f"{SVG}polyline")]
    assert len(words) == len(table.panels)
    highest = min(float(point.split(",")[1]) for line in lines for point in line.split())
    assert all(y < highest for y in words)
