"""Parts of a run of `auto` as values."""

from bnnaudit.core.portfolio import Leg, Way


def test_a_leg_adds_up_and_keeps_what_replays() -> None:
    leg = Leg(Way.CLIMB).and_also([4, 2], 10, 9).and_also([7], 5, 4)
    assert (leg.felled, leg.forwards, leg.backwards) == ((4, 2, 7), 15, 13)
    assert leg.confirmed([7, 4, 100]).felled == (4, 7)
    assert leg.confirmed([]).forwards == 15
