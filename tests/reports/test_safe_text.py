import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnaudit.reports.safe_text import LONGEST_NAME, abridged, drawn_in_ascii, file_name, safe, short, spelled_in_ascii


def test_control_codes_and_direction_marks_show_as_escapes() -> None:
    assert safe("a\x1b[31mred\x00") == "a\\x1b[31mred\\x00"
    assert safe("exe\u202egnp") == "exe\\u202egnp"
    assert safe("name\udcff.onnx") == "name\\udcff.onnx"
    assert safe("two\nlines\tand\u00a0blanks") == "two lines and blanks"


def test_ordinary_text_stays_as_it_is() -> None:
    assert safe("Müller/模型 [red]x[/red].onnx") == "Müller/模型 [red]x[/red].onnx"


def test_a_long_name_is_cut_and_its_length_said() -> None:
    assert short("a\nb") == "a b"
    assert short("n" * LONGEST_NAME) == "n" * LONGEST_NAME
    assert short("n" * 2**20) == "n" * (LONGEST_NAME - 20) + "… (1,048,576 characters)"
    assert short("abc" * 20, 30) == "abcabcabca… (60 characters)"


def test_the_end_of_a_long_message_is_kept() -> None:
    assert abridged("abc" * 20 + " do that", 32) == "abc" * 8 + "… (68 characters) … do that"
    assert abridged("a\x1b", 32) == "a\\x1b"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("models/a.onnx", "a.onnx"),
        ("C:\\models\\a.onnx", "a.onnx"),
        ("a:b.onnx", "a:b.onnx"),
        ("folder/", "folder"),
        ("a\n\x1b.onnx", "a \\x1b.onnx"),
        ("", "model"),
    ],
)
def test_the_name_of_a_file_is_the_last_part_of_its_path(path: str, name: str) -> None:
    assert file_name(path) == name


@given(st.text())
def test_whatever_comes_in_goes_out_printable(text: str) -> None:
    shown = safe(text)
    assert shown.isprintable()
    shown.encode("utf-8")


def test_our_own_signs_are_spelled_and_drawn_in_ascii() -> None:
    assert spelled_in_ascii("p ≥ 0.01 ± ε") == "p >= 0.01 +/- eps"
    assert drawn_in_ascii("└──│█▌▏") == "+--|## "
    assert drawn_in_ascii("ü模") == "??"
