"""Surrogates as text and as values: what is written is what is read, and widths narrow in even ratios."""

import pytest

from bnnaudit.core.errors import UsageError
from bnnaudit.core.surrogate import STRAIGHT_THROUGH, Surrogate, SurrogateKind, WidthUnit, default_unit

READ = {
    "identity": STRAIGHT_THROUGH,
    "tanh:4..0.5:reach": Surrogate(SurrogateKind.TANH, 4.0, WidthUnit.REACH, 0.5),
    "clipped:0.3:layer": Surrogate(SurrogateKind.CLIPPED, 0.3, WidthUnit.LAYER),
    "clipped:0.3": Surrogate(SurrogateKind.CLIPPED, 0.3, WidthUnit.ABSOLUTE),
    "relaxed:16..1:absolute": Surrogate(SurrogateKind.RELAXED, 16.0, WidthUnit.ABSOLUTE, 1.0),
    "polynomial:2": Surrogate(SurrogateKind.POLYNOMIAL, 2.0, WidthUnit.IMAGE),
    "arctan:0.5..2": Surrogate(SurrogateKind.ARCTAN, 0.5, WidthUnit.IMAGE, 2.0),
}


@pytest.mark.parametrize("text", READ)
def test_texts_are_read_and_written_alike(text: str) -> None:
    surrogate = Surrogate.parse(text)
    assert surrogate == READ[text]
    assert str(surrogate) == text


@pytest.mark.parametrize("kind", SurrogateKind)
def test_every_kind_has_a_usual_width_in_its_unit(kind: SurrogateKind) -> None:
    usual = Surrogate.parse(str(kind))
    assert usual == Surrogate.usual(kind)
    assert usual.unit is default_unit(kind)
    assert usual.width > 0 or kind is SurrogateKind.IDENTITY
    assert str(usual) == str(kind)


@pytest.mark.parametrize(("alias", "kind"), [("adaptive", SurrogateKind.TRIANGULAR), ("sech2", SurrogateKind.TANH)])
def test_aliases(alias: str, kind: SurrogateKind) -> None:
    assert Surrogate.parse(f"{alias}:2:layer") == Surrogate(kind, 2.0, WidthUnit.LAYER)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not one of identity"),
        ("sigmoid", "is not one of identity"),
        ("Tanh", "is not one of identity"),
        ("identity:1", "no usable width"),
        ("tanh:0", "no usable width"),
        ("tanh:-1", "no usable width"),
        ("tanh:nan", "no usable width"),
        ("tanh:inf", "no usable width"),
        ("tanh::reach", "no usable width"),
        ("tanh:4..", "no usable width"),
        ("tanh:..4", "no usable width"),
        ("tanh:4..0", "no usable width"),
        ("tanh:4..2..1", "no usable width"),
        ("tanh:4:miles", "'miles', which is not one of absolute"),
        ("tanh:4:reach:layer", "'reach:layer', which is not one of absolute"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        Surrogate.parse(text)


def test_a_width_goes_from_first_to_last_in_even_ratios() -> None:
    narrowing = Surrogate.parse("tanh:16..1:reach")
    widths = [narrowing.at(progress).width for progress in (0, 0.25, 0.5, 0.75, 1)]
    assert widths == pytest.approx([16, 8, 4, 2, 1])
    assert narrowing.at(0.5) == Surrogate(SurrogateKind.TANH, 4.0, WidthUnit.REACH)


def test_a_width_without_an_end_stays() -> None:
    constant = Surrogate.parse("arctan:3:layer")
    assert constant.at(0.7) is constant


def test_only_the_relaxed_network_is_another_one() -> None:
    assert [kind for kind in SurrogateKind if Surrogate.usual(kind).relaxes] == [SurrogateKind.RELAXED]
    assert [unit for unit in WidthUnit if unit.measured] == [WidthUnit.LAYER, WidthUnit.REACH]
