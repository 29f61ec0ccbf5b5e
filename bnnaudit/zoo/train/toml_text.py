"""Values of recipes and cards as TOML writes them."""

from __future__ import annotations

import json


def toml_text(value: object) -> str:
    """A string, number, boolean or list, on one line: as JSON writes it, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
