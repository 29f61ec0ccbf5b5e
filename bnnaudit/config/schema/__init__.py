"""The JSON Schema of settings files, for editors. The first line of a `bnnaudit.toml` or of a card names it:

    #:schema ./bnnaudit-settings-1.json

with the file that `bnnaudit explain --schema settings > bnnaudit-settings-1.json` writes. Editors with Taplo (such as Visual
Studio Code with Even Better TOML) then complete and describe every key, and mark what is wrong while it is typed.
"""

from importlib.resources import files

SETTINGS = "bnnaudit-settings-1.json"


def settings_schema_text() -> str:
    """The schema (draft 7, which editors know) of a card and of `bnnaudit.toml`, as it ships."""
    return files(__name__).joinpath(SETTINGS).read_text(encoding="utf-8")
