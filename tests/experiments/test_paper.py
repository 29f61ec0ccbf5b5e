"""The file of the paper's figures: complete, and the same as a second transcription of the paper."""

from __future__ import annotations

import hashlib
import re

import pytest

from bnnaudit.core.reproduction import NetworkKind, TableName, Unit
from bnnaudit.experiments.paper import AttackSize, paper
from bnnaudit.experiments.row_names import row_name
from tests.paths import ROOT

TRANSCRIPTION = ROOT.parent / "shared" / "paper-tables.md"
DIGESTS = {
    "table1": "f1e9b9b2d68bd2f45fc01791447ba0e14ea16e458308c9b198385d869015d9bf",
    "table2": "2f71de9f025a9688e82c3fb9a8863592f4d489c1d27d8f6ea8c2ddaf5f58c6b7",
    "table3": "4f94436aacb5056005dcdd250f33f895d03a823838a7f6461a98952434d62259",
    "table4": "029332c8f5b1ff031a3b6c010cbe6496bd9f52f188329ce07d85e56f4d7a31b7",
    "table5": "ab3e999cb3d22da3b35466492c0725fb6be797819d8224b1bb16d3fba3004825",
    "table7": "5217b172bf6f0306cb1af6deb4d1542ff818a809fee912c372a6fb806c5534f7",
    "table8": "a8e6af33e25aae060c98ca4f20a79d8b3c1836f3d5e9e4d20f589f50d86a255d",
    "table9": "2a493c019928d165ba135b13208ef27b72a885370debb5344ba6154d5617f154",
    "table10": "f4ed6b7235230ac5446f15f600c16d2a20474c28bf820b07acba3a937a2886fe",
    "table11": "2d213d30de9481d894a41a71e4edf047b48da3ecdc92fd7d363790e54df085d6",
    "table12": "e7ec4bb87dcea9c294181a0f066ffe90880f9e14dbd926c091c38148ee385f4d",
    "table13": "899b27606cf53e7c86aab3052e6a3bfd7f40c847c5cd866440eb515541d084fa",
    "table14": "5e807ef50a431dac34ab69987c4616250de9267ff9f8fb6fb5c6d7ed50ee63e9",
}
"""SHA-256 of each table's figures in the order of the paper's lines, a blank between them: a slip shows everywhere."""
SHAPES = {
    TableName.TABLE1: (6, 3),
    TableName.TABLE2: (10, 9),
    TableName.TABLE3: (8, 9),
    TableName.TABLE4: (4, 10),
    TableName.TABLE5: (5, 10),
    TableName.TABLE7: (1, 3),
    TableName.TABLE8: (3, 4),
    TableName.TABLE9: (4, 9),
    TableName.TABLE10: (2, 5),
    TableName.TABLE11: (2, 4),
    TableName.TABLE12: (3, 6),
    TableName.TABLE13: (4, 15),
    TableName.TABLE14: (4, 6),
    TableName.FIGURE1: (2, 0),
    TableName.FIGURE2: (1, 0),
    TableName.FIGURE3: (2, 0),
    TableName.FIGURE4: (3, 0),
    TableName.FIGURE5: (3, 0),
}
"""Networks and rows of each."""


def figures(name: TableName) -> list[str]:
    """A table's figures line by line of the paper; Table 13 has a column for each network, Table 1 several networks in a line."""
    table = paper().tables[name]
    columns = [list(network.figures.values()) for network in table.networks]
    if name is TableName.TABLE13:
        columns = [list(line) for line in zip(*columns, strict=True)]
    if name is TableName.TABLE1:
        columns = [[*first, *second] for first, second in zip(columns[:3], columns[3:], strict=True)]
    return [figure for column in columns for figure in column]


@pytest.mark.parametrize("name", list(TableName))
def test_each_table_is_complete(name: TableName) -> None:
    table = paper().tables[name]
    assert (len(table.networks), len(table.rows)) == SHAPES[name]
    assert all(tuple(network.figures) == table.rows for network in table.networks)
    assert len({network.network for network in table.networks}) == len(table.networks)
    assert table.title
    assert table.measured_on
    for network in table.networks:
        assert network.network.kind in {*NetworkKind, ""}
        for figure in network.figures.values():
            assert re.fullmatch(r"\d+\.\d+(e[-+]\d+)?", figure)
            assert table.unit is not Unit.PERCENT or 0 <= float(figure) <= 100


@pytest.mark.parametrize("name", list(TableName))
def test_every_row_has_a_name_of_its_own(name: TableName) -> None:
    rows = paper().tables[name].rows
    assert len({row_name(name, key) for key in rows}) == len(rows)


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_no_figure_has_changed(name: str) -> None:
    text = " ".join(figures(TableName(name)))
    assert hashlib.sha256(text.encode()).hexdigest() == DIGESTS[name]


def transcribed() -> dict[str, list[list[str]]]:
    """The lines of each table of the transcription, cell by cell."""
    parts = re.split(r"^## Table (\d+):.*$", TRANSCRIPTION.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        f"table{number}": [
            [cell.strip().replace("\N{MINUS SIGN}", "-") for cell in line.strip().strip("|").split("|")]
            for line in body.splitlines()
            if line.startswith("|")
        ]
        for number, body in zip(parts[1::2], parts[2::2], strict=True)
    }


needs_transcription = pytest.mark.skipif(not TRANSCRIPTION.is_file(), reason="no ../shared/paper-tables.md")


@needs_transcription
def test_the_figures_are_those_of_a_second_transcription() -> None:
    tables = transcribed()
    assert set(tables) == {str(name) for name in TableName if not name.is_figure} | {"table6"}
    for name in TableName:
        if not name.is_figure:
            cells = [cell for line in tables[name] for cell in line]
            assert figures(name) == [cell for cell in cells if re.fullmatch(r"\d+\.\d+(e[-+]\d+)?", cell)]


@needs_transcription
def test_the_networks_of_each_line_are_those_of_a_second_transcription() -> None:
    """The words that a line begins with, empty ones filled from above, name the network whose figures follow."""
    for name, lines in transcribed().items():
        if name in ("table1", "table6", "table7", "table13"):
            continue
        networks = iter(paper().tables[TableName(name)].networks)
        group = ""
        for line in lines:
            if not re.fullmatch(r"\d+\.\d+", line[-1]):
                continue
            found = next(networks).network
            words = {found.architecture, found.data, found.kind + "*" * found.adversarial, found.kind}
            words |= {found.binarizer, found.binarizer.upper()}
            group = line[0] or group
            for cell in (group, *(cell for cell in line[1:] if not re.fullmatch(r"\d+\.\d+", cell))):
                assert cell in words or cell.casefold() in words, (name, line)
        assert next(networks, None) is None


@needs_transcription
def test_the_sizes_of_the_attacks_are_those_of_table_6() -> None:
    group, found = "", {}
    names = {"FGSM": "fgsm", "PGD ( $L_\\infty$ )": "pgd", "PGD ( $L_2$ )": "pgd l2"}
    for first, attack, eps, step, steps in transcribed()["table6"][1:]:
        group = first or group
        found[group, names[attack]] = AttackSize(int(eps) / 255, int(step) / 255, int(steps))
    assert paper().sizes == found


def test_figures_stand_in_no_other_file() -> None:
    """The code repeats none of those with so many digits that they are no round setting."""
    folder = ROOT / "bnnaudit" / "experiments"
    marked = {figure for name in TableName for figure in figures(name) if len(figure) == 5 and figure[-1] != "0"}
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        comments_aside = re.sub(r'""".*?"""', "", text, flags=re.DOTALL)
        assert not {word for word in re.findall(r"\b\d\d\.\d\d\b", comments_aside)} & marked, path


def test_the_paper_s_own_claims_hold_of_its_figures() -> None:
    """A slip of a column would break them: PGD++ is no weaker than its rivals on networks trained on clean images."""
    for name in (TableName.TABLE5, TableName.TABLE8, TableName.TABLE10):
        for network in paper().tables[name].networks:
            if not network.network.adversarial:
                left = {key: float(figure) for key, figure in network.figures.items()}
                best = max(left["pgd++ njs"], left["pgd++ hns"])
                assert all(best <= value for key, value in left.items() if "++" not in key)
    for network in paper().tables[TableName.TABLE11].networks:
        plain, fixed, njs, hns = map(float, network.figures.values())
        assert hns < njs < plain < fixed
