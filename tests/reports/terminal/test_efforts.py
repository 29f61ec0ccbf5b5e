"""The table of efforts as text and as JSON."""

import re

from bnnaudit.reports.documents import CheckCost, EffortTable
from bnnaudit.reports.json.explanation import efforts_to_json
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.writer import write_text

COSTS = EffortTable(
    (CheckCost("claim", ("FR302",), (20, 20, 20)), CheckCost("query-attack", ("GM107",), (None, 500, 5000)))
)


def test_a_line_a_check_and_the_sums() -> None:
    text = write_text(COSTS, Page(90))
    assert re.search(r"check +rules +quick +standard +thorough", text)
    assert re.search(r"query-attack +GM107 +- +500 +5,000", text)
    assert re.search(r"total, at most +20 +520 +5,020", text)


def test_the_json_says_the_same() -> None:
    document = efforts_to_json(COSTS)
    assert document == {
        "checks": [
            {"check": "claim", "rules": ["FR302"], "passes": {"quick": 20, "standard": 20, "thorough": 20}},
            {"check": "query-attack", "rules": ["GM107"], "passes": {"quick": None, "standard": 500, "thorough": 5000}},
        ]
    }
