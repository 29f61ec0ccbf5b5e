"""Words and numbers that a stranger might write where nobody expects them."""

from __future__ import annotations

import random

WORDS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\x1b[2J\x1b[31mred",
    "\x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "\x9b31m",
    "\u202egnp.exe\u202c",
    "\u2066abc\u2069",
    "a\nb",
    "a\r\nbnnaudit: PASS",
    "a\u2028b",
    "\ufeff",
    "é" * 40,
    "n" * 300,
    "n" * 70_000,
    "../outside",
    "../../outside.bin",
    "/etc/passwd",
    "/dev/zero",
    "/proc/self/mem",
    "~",
    "~nosuchuser/x",
    "$HOME",
    "file:///etc/passwd",
    "con",
    ".",
    "..",
    "/",
    "a/./b",
    "a//b",
    "-",
    "--version",
    "%s%n",
    "{0.__class__}",
    "[bold red]x[/]",
    "</script><script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "::error::x",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "0x10",
    "1_000",
    "8/0",
    "8/255px",
    "os.system",
    "os:system",
    "builtins:eval",
    "venv.__main__:main",
    "bnnaudit.cli.main:run",
    "None",
    "none",
    "auto",
    "cuda:99",
    "CIFAR10",
    "\U0001d7e0/255",
    "\u0663",
)
WHOLE = (
    0, 1, -1, 2, 3, 4, 7, 8, 16, 31, 32, 63, 64, 127, 128, 255, 256, 1000, 32767, 65535, 65536, 10**6, 10**9,
    2**31 - 1, 2**31, -(2**31), 2**32 - 1, 2**32, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**64, -(2**64),
)  # fmt: skip
HUGE = (10**30, -(10**30), 10**400, 10**5000)
REAL = (
    0.0, -0.0, 0.5, 1.0, -1.0, 1.5, 255.0, 1e-45, 5e-324, 1e-30, 1e-9, 1e10, 1e30, 3.4e38, 3.5e38, 1e39, 1e300, 1.8e308,
    float("inf"), float("-inf"), float("nan"),
)  # fmt: skip


def word(chance: random.Random) -> str:
    """A word."""
    kind = chance.random()
    if kind < 0.85:
        return chance.choice(WORDS)
    if kind < 0.95:
        return chance.choice(WORDS) + chance.choice(WORDS)
    return "".join(
        chr(chance.choice((chance.randrange(32), chance.randrange(256), chance.randrange(0xD7FF)))) for _ in range(8)
    )


def whole(chance: random.Random) -> int:
    """A whole number that 64 bits hold, or nearly."""
    return chance.choice(WHOLE) if chance.random() < 0.8 else chance.randrange(-(2**40), 2**40)


def real(chance: random.Random) -> float:
    """A number in double precision."""
    return chance.choice(REAL) if chance.random() < 0.8 else chance.uniform(-2, 2)
