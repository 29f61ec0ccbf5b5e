"""Parts of a run of `auto` as values."""

from bnnaudit.core.auto_run import Part, PhaseName


def test_a_part_adds_up_and_keeps_what_replays() -> None:
    part = Part(PhaseName.CLIMB).and_also([4, 2], 10, 9).and_also([7], 5, 4)
    assert (part.fooled, part.forwards, part.backwards) == ((4, 2, 7), 15, 13)
    assert part.confirmed([7, 4, 100]).fooled == (4, 7)
    assert part.confirmed([]).forwards == 15
