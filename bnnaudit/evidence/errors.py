"""What can be wrong with evidence, and how its texts and numbers are shown."""

WHOLE = 2**53
"""Up to here a float64 holds every whole number."""


class NoEvidenceError(Exception):
    """What was named is no evidence, none whose manifest can be read, or no model."""


class RefusedError(Exception):
    """Evidence that is damaged, incomplete or dangerous to read."""


class CannotRunError(Exception):
    """ONNX Runtime alone does not run the model as the audit did."""


def shown(text: object, limit: int = 200) -> str:
    """Text from strangers as one line that cannot steer a terminal, cut short where it is long."""
    line = "".join(_sign(sign) for sign in str(text)[: limit + 1])
    return line if len(line) <= limit else line[: limit - 3] + "..."


def exact(value: float) -> str:
    """A number with all its digits, so that none of another size looks the same: `0.1`, `255`, `0.10000001`."""
    return str(int(value)) if value.is_integer() and abs(value) < WHOLE else repr(value)


def _sign(sign: str) -> str:
    if sign.isprintable():
        return sign
    return " " if sign.isspace() else sign.encode("unicode_escape").decode("ascii")
