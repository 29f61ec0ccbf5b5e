"""Names of code: their form, and those that are never a network."""

import pytest

from bnnaudit.core.errors import UsageError
from bnnaudit.core.network_code import names_code, split_code


@pytest.mark.parametrize(
    "name", ["nets:Net", "my_package.nets:make", "torchvision.models:resnet18", "_a.b1:_c", "tests.x:Net"]
)
def test_a_module_and_a_callable(name: str) -> None:
    assert names_code(name)
    assert ":".join(split_code(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        "nets:",
        ":Net",
        ":",
        "a:b:c",
        "a b:c",
        "a..b:c",
        ".a:c",
        "a.:c",
        "a:b.c",
        "a/b:c",
        "a:1",
        "a-b:c",
        "a:b\n",
        "",
        "é\x1b:x",
    ],
)
def test_other_forms(name: str) -> None:
    with pytest.raises(UsageError, match="not of the form") as caught:
        split_code(name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("os:system", "standard library"),
        ("venv.__main__:x", "standard library"),
        ("sys:exit", "standard library"),
        ("antigravity:x", "standard library"),
        ("_posixsubprocess:fork_exec", "standard library"),
        ("__main__:x", "a program"),
        ("nets.__main__:x", "a program"),
        ("bnnaudit:audit", "bnnaudit itself"),
        ("bnnaudit.cli.main:run", "bnnaudit itself"),
    ],
)
def test_modules_that_hold_no_network_of_the_users(name: str, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        split_code(name)


def test_built_in_names_are_no_code() -> None:
    assert not names_code("cnn")
