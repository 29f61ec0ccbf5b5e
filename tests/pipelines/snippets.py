"""The examples of the pipelines' guide, as they are printed there."""

from __future__ import annotations

import re
from typing import Any

from tests.pipelines.github_runner import ACTION, ROOT, load

GUIDES = (ACTION / "README.md", ROOT / "README.md")
FENCED = re.compile(r"^ *```(?P<language>\w+)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
LONGEST = 14
"""Lines of an example: under fifteen."""


def snippets(language: str, holds: str) -> list[str]:
    """The examples in a language that hold some words; at least one."""
    found = [
        match["text"]
        for guide in GUIDES
        for match in FENCED.finditer(guide.read_text(encoding="utf-8"))
        if match["language"] == language and holds in match["text"]
    ]
    assert found, f"no {language} example with {holds!r} in {', '.join(guide.name for guide in GUIDES)}"
    assert all(text.count("\n") <= LONGEST for text in found)
    return found


def yaml_snippets(holds: str) -> list[Any]:
    """The YAML examples that hold some words, read."""
    return [load(text) for text in snippets("yaml", holds)]
