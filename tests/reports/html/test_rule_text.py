"""Paragraphs, lists and code of a rule's text."""

from bnnaudit.reports.html.rule_text import Block, Span, blocks


def test_paragraphs_lists_and_code() -> None:
    text = "First line\ngoes on with `code`.\n\nThen:\n- one\n- `two`"
    assert blocks(text, 1000) == (
        Block(False, ((Span("First line goes on with "), Span("code", True), Span(".")),)),
        Block(False, ((Span("Then:"),),)),
        Block(True, ((Span("one"),), (Span("two", True),))),
    )


def test_only_so_many_characters_are_read() -> None:
    assert blocks("abcdef", 3) == (Block(False, ((Span("abc"),),)),)
    assert blocks("", 3) == ()
