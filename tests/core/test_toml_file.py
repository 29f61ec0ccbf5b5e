"""TOML from strangers: refused by its shape before it costs time or memory."""

import os
import time
from pathlib import Path

import pytest

from bnnaudit.core.file_limits import TOML_BYTES, TOML_PARTS
from bnnaudit.core.toml_file import TomlError, read_toml


def read(tmp_path: Path, text: str) -> dict:
    path = tmp_path / "a.toml"
    path.write_text(text, encoding="utf-8")
    return read_toml(path)


def test_settings_are_read(tmp_path: Path) -> None:
    text = '# a.b.c\r\nx.y."z.z" = [1, -2.5]\n[t]\nd = 2027-01-31\ntext = """\n........................................\n"""\n'
    assert read(tmp_path, text)["x"] == {"y": {"z.z": [1, -2.5]}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a" + ".a" * 40_000 + " = 1", "parts"),
        ("[a" + ".a" * 40_000 + "]", "parts"),
        ("x = {a" + " . a" * 40_000 + " = 1}", "parts"),
        ('"a"' + '."a"' * 40_000 + " = 1", "parts"),
        ("'a'" + ".''" * 40_000 + " = 1", "parts"),
        ("x = " + "[" * 50_000 + "]" * 50_000, "inside one another"),
        ("x = " + "{a=" * 40 + "1" + "}" * 40, "inside one another"),
        ("x = " + "9" * 400, "1,329 bits"),
        ("x = " + "9" * 5_000, "4300 digits"),
        ("x = 0x" + "f" * 100_000, "400,000 bits"),
        ("x = [[[" + "9" * 400 + "]]]", "1,329 bits"),
        ("x = 2027-99-99", "not valid TOML"),
        ("\0", "not valid TOML"),
        ("#" * (TOML_BYTES.most + 1), "more than 1,048,576 are refused"),
    ],
    ids=lambda value: value[:12],
)
def test_what_is_no_settings_is_refused_at_once(tmp_path: Path, text: str, problem: str) -> None:
    start = time.process_time()
    with pytest.raises(TomlError, match=problem):
        read(tmp_path, text)
    assert time.process_time() - start < 5


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(TomlError, match="not valid TOML"):
        read_toml(tmp_path / "a.toml")


def test_keys_of_as_many_parts_as_are_allowed(tmp_path: Path) -> None:
    assert read(tmp_path, ".".join("a" * (TOML_PARTS.most - 2)) + " = 1")


def test_the_search_for_long_keys_is_linear(tmp_path: Path) -> None:
    start = time.process_time()
    for text in (
        "a" * (TOML_BYTES.most - 100),
        "a " * (TOML_BYTES.most // 2 - 100),
        '"' * (TOML_BYTES.most - 100),
        "a." * 20 + "a" * 10**6,
    ):
        with pytest.raises(TomlError):
            read(tmp_path, text)
    assert time.process_time() - start < 20


def test_a_pipe_or_a_device_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    for path in (tmp_path, tmp_path / "pipe.toml", tmp_path / "zero.toml"):
        with pytest.raises(TomlError, match="not a file"):
            read_toml(path)
    with pytest.raises(FileNotFoundError):
        read_toml(tmp_path / "none.toml")
