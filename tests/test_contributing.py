"""The guide to the code names files and folders that are there, and leaves no folder out."""

import re

from tests.paths import ROOT

GUIDE = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "bnnaudit"
MAP = dict(re.findall(r"^\| `([\w.]+)/?` \| (.*) \|$", GUIDE, re.MULTILINE))
"""Folder or module of the package -> what the guide says that it holds."""
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*(?:/|\.py|\.json|\.md))`")


def test_every_folder_of_the_package_is_on_the_map() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == {name for name in MAP if (PACKAGE / name).is_dir()}


def test_what_the_map_names_is_in_its_folder() -> None:
    named = [PACKAGE / folder / path for folder, text in MAP.items() for path in PATH.findall(text)]
    assert len(named) > 20
    assert [str(path) for path in named if not path.exists()] == []


def test_paths_of_the_text_exist() -> None:
    text = re.sub(r"^\|.*$", "", GUIDE, flags=re.MULTILINE)
    missing = [path for path in PATH.findall(text) if not any((root / path).exists() for root in (ROOT, PACKAGE))]
    assert missing == []
