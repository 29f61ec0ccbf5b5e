"""Writing a report to a file: the whole of it or nothing."""

import os
from pathlib import Path

from bnnaudit.core.errors import UsageError
from bnnaudit.core.part_files import part_beside


def write_atomically(path: Path, text: str | bytes, option: str = "output") -> None:
    """Puts `text` at `path`, in UTF-8 unless it is bytes; all of it or nothing, with the rights of a file that is there.

    A link is followed; a pipe or a device such as /dev/stdout is written to as it is. Raises UsageError, which speaks of
    `option`, where the folder is missing or cannot be written, or `path` is a folder.
    """
    try:
        target = path.resolve()
        if not target.parent.is_dir():
            raise UsageError(f"{option}: there is no folder {path.parent}; create it, or choose another --{option}")
        if target.is_dir():
            raise UsageError(f"{option}: {path} is a folder; name a file for --{option}")
        if target.exists() and not target.is_file():
            _write(target, text, "w")
        else:
            _replace(target, text)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UsageError(f"{option}: {path} cannot be written ({why}); choose another --{option}") from error


def _replace(target: Path, text: str | bytes) -> None:
    with part_beside(target) as part:
        _write(part, text, "x")
        if target.exists():
            part.chmod(target.stat().st_mode & 0o777)
        part.replace(target)


def _write(path: Path, text: str | bytes, mode: str) -> None:
    content = text.encode("utf-8", errors="backslashreplace") if isinstance(text, str) else text
    # A new file is opened as any is; a pipe or a device needs an opener, which Path.open does not take.
    with path.open("xb") if mode == "x" else open(path, f"{mode}b", opener=_opened) as stream:
        stream.write(content)


def _opened(name: str, flags: int) -> int:
    """Opens a file; a pipe that nobody reads is an error, and not waited for."""
    descriptor = os.open(name, flags | os.O_NONBLOCK, 0o666)
    os.set_blocking(descriptor, True)
    return descriptor
