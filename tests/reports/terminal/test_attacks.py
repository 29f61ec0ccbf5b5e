"""What `auto` ran, as text and as JSON."""

from dataclasses import replace

import jsonschema
import pytest

from bnnaudit.core.attack import Auto, LossKind
from bnnaudit.core.auto_run import Part, PhaseName
from bnnaudit.core.report import Report
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.reports.attack_names import loss_name
from bnnaudit.reports.json.audit import report_to_json
from bnnaudit.reports.json.schema import report_schema
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.writer import write_text

PARTS = (
    Part(PhaseName.FIRST, Surrogate.parse("tanh:4..0.5:reach"), LossKind.CROSS_ENTROPY, (3, 5, 8), 6200, 6000),
    Part(PhaseName.UNITS, fooled=(9,), forwards=123_456),
    Part(PhaseName.CHOOSING, forwards=8000, backwards=7920),
    Part(
        PhaseName.CLIMB,
        Surrogate.parse("triangular:16..1:reach"),
        LossKind.MARGIN_TARGETED,
        (11,),
        1_641_000,
        1_600_000,
    ),
)


@pytest.fixture
def auto(attack_only: Report) -> Report:
    """A report of `attack --method auto`."""
    (row,) = attack_only.attacks
    return replace(attack_only, attacks=(replace(row, settings=Auto(), parts=PARTS),))


@pytest.mark.parametrize("ascii", [False, True])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_keeps_to_the_width_and_names_every_part(auto: Report, width: int, ascii: bool) -> None:
    text = write_text(auto, Page(width, ascii=ascii))
    assert max(map(len, text.splitlines())) <= width
    assert "Phases of auto" in text
    if width >= 80:
        assert all(str(part.phase) in text for part in PARTS)


def test_a_line_holds_a_part(auto: Report) -> None:
    lines = [line.split() for line in write_text(auto, Page(80)).splitlines()]
    assert ["first", "climb", "tanh:4..0.5:reach", "CE", "3", "6,200", "6,000"] in lines
    assert ["unit", "search", "-", "-", "1", "123,456", "0"] in lines
    assert ["climb", "triangular:16..1:reach", "margin-T", "1", "1,641,000", "1,600,000"] in lines


def test_other_attacks_have_no_such_section(attack_only: Report) -> None:
    assert "Phases of auto" not in write_text(attack_only, Page(80))
    (row,) = report_to_json(attack_only)["attacks"]  # type: ignore[misc, union-attr]
    assert row["phases"] is None  # type: ignore[index, call-overload]


def test_json_holds_each_part(auto: Report) -> None:
    document = report_to_json(auto)
    jsonschema.validate(document, report_schema())
    (row,) = document["attacks"]  # type: ignore[misc, union-attr]
    assert [part["phase"] for part in row["phases"]] == [str(part.phase) for part in PARTS]  # type: ignore[index, call-overload, union-attr]
    assert row["phases"][3] == {  # type: ignore[index, call-overload]
        "phase": "climb",
        "surrogate": "triangular:16..1:reach",
        "loss": "margin-targeted",
        "fooled": 1,
        "fooled_images": [11],
        "forwards": 1_641_000,
        "backwards": 1_600_000,
        "surrogate_settings": {"kind": "triangular", "width": 16, "unit": "reach", "end": 1},
    }


def test_losses_have_short_names() -> None:
    assert [loss_name(loss) for loss in LossKind] == ["CE", "DLR", "margin", "DLR-T", "margin-T"]
