"""Reproduced tables as text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bnnaudit.core.facts import ModelFacts
from bnnaudit.experiments.values import Claim, Outcome, TableName
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.writer import write_text
from tests.reports.reproductions import reproduction


@pytest.mark.parametrize("name", [TableName.TABLE5, TableName.TABLE8])
@pytest.mark.parametrize("width", [80, 120])
def test_every_surrogate_stands_in_one_piece(facts: ModelFacts, name: TableName, width: int) -> None:
    """Names of rows are never cut inside a word where the page has room for that."""
    text = write_text(reproduction(facts, name), Page(width))
    assert max(map(len, text.splitlines())) <= width
    table = text[: text.index("The paper's claim")]
    (last,) = re.findall(r"PGD\+\+ HNS,.*\n?.*tanh:4\.\.0\.5:reach.*", table)
    assert re.search(r" - +-$", last, re.MULTILINE)


def test_the_paper_is_named_by_its_title_once(facts: ModelFacts) -> None:
    text = " ".join(write_text(reproduction(facts), Page(120)).split())
    assert text.startswith("Table 8: APGD and the Square Attack against PGD++")
    assert text.count("Improved gradient-based adversarial attacks for quantized networks") == 1
    assert "[Gupta & Ajanthan 2022]" not in text


def test_a_claim_is_said_with_what_speaks_for_it(facts: ModelFacts) -> None:
    found = reproduction(facts)
    text = " ".join(write_text(found, Page(120)).split())
    assert "The paper's claim: PGD++ is at least as strong as every attack without a temperature. Holds here:" in text
    assert "PGD++ HNS, tanh:4..0.5:reach 98.0 %, Square 99.5 % (McNemar p = 0.25)." in text
    (model,) = found.models
    other = (Claim("It rains.", Outcome.FAILS), Claim("It snows.", Outcome.UNDECIDED, why="no row ran"))
    text = " ".join(write_text(replace(found, models=(replace(model, claims=other),)), Page(120)).split())
    assert "It rains. Does not hold here. The paper's claim: It snows. Undecided here: no row ran." in text
