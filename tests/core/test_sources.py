"""Every citation in sources, tests and the README is an entry of the table, and every entry is cited."""

import re
from collections.abc import Iterator
from pathlib import Path

from bnnaudit.core.sources import SOURCES, cited
from tests.paths import ROOT

TABLE = ROOT / "bnnaudit" / "core" / "sources.py"
BRACKETS = re.compile(r"\[([A-Z][^\[\]\"']*? (?:18|19|20)\d\d[a-z]?)\]")
"""Authors and a year in brackets, as in a citation; a line break inside it has become a space."""
LOOSE = re.compile(
    r"[A-Z][\w-]+(?: et al\.| & [A-Z][\w-]+|, [A-Z][\w-]+ & [A-Z][\w-]+),? \(?(?:18|19|20)\d\d(?![^\[]*\])"
)
"""The same without brackets."""
CODE = re.compile(r"\[[A-Z]\d\d\]")
"""A letter and a year, which only an insider reads."""


def texts() -> Iterator[tuple[Path, str]]:
    """Every file that may cite, its lines joined, comment signs and quotes of strings that go on taken away."""
    files = [*(ROOT / "bnnaudit").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), ROOT / "README.md"]
    for path in files:
        if path not in {TABLE, Path(__file__)}:
            yield path, re.sub(r"\"?\s*\n\s*(?:#|f?\")?\s*", " ", path.read_text(encoding="utf-8"))


def test_every_citation_is_an_entry() -> None:
    for path, text in texts():
        unknown = {label for label in BRACKETS.findall(text) if label not in SOURCES}
        assert not unknown, f"{path.relative_to(ROOT)} cites {unknown}"
        assert not CODE.search(text), path


def test_no_citation_stands_without_its_brackets() -> None:
    for path, text in texts():
        found = [match.group() for match in LOOSE.finditer(text)]
        assert not found, f"{path.relative_to(ROOT)}: {found}"


def test_every_entry_is_cited() -> None:
    everything = " ".join(text for path, text in texts() if "bnnaudit" in path.parts or path.name == "README.md")
    assert not [label for label in SOURCES if f"[{label}]" not in everything]


def test_entries_are_whole_and_in_order() -> None:
    assert list(SOURCES) == sorted(SOURCES)
    for label, source in SOURCES.items():
        assert source.label == label
        assert source.authors
        assert source.title
        assert re.search(r"(18|19|20)\d\d$|Documentation", source.venue), label
        assert re.fullmatch(r"https://\S+|", source.link)
        year = re.search(r"(\d{4})[a-z]?$", label)
        assert year is None or year.group(1) in source.venue


def test_what_a_text_cites_is_found() -> None:
    assert [source.label for source in cited("[Wald 1945]; [Athalye et al. 2018] (BPDA); Wilson 1927")] == [
        "Athalye et al. 2018",
        "Wald 1945",
    ]
