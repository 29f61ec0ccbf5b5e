"""One case: files that a stranger might hand over, and the command that is given them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

DESCRIPTION, FILES = "case.json", "files"


@dataclass(frozen=True, slots=True)
class Case:
    """What is written, what is run in the folder of it, and what the run may add.

    files: name -> content, links: name -> where it points, both relative to the folder. written: names that the command is asked
    to write. report: the one of them, or `-` for stdout, that must hold a JSON report wherever the command passes or fails a
    model. note: what was done to the files.
    """

    arguments: tuple[str, ...]
    files: dict[str, bytes]
    links: dict[str, str] = field(default_factory=dict)
    written: tuple[str, ...] = ()
    report: str = ""
    note: str = ""

    def write(self, folder: Path) -> None:
        """Writes the files and the links."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for name, target in self.links.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(target)

    def keep(self, folder: Path, about: dict[str, object]) -> None:
        """Writes the case into a folder from which `kept_case` reads it again."""
        self.write(folder / FILES)
        description = {name: value for name, value in asdict(self).items() if name != "files"}
        (folder / DESCRIPTION).write_text(json.dumps({**about, **description}, indent=2) + "\n", encoding="utf-8")


def kept_case(folder: Path) -> Case:
    """The case in a folder that `keep` wrote."""
    said = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    place = folder / FILES
    files = {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if _is_plain(path)}
    return Case(tuple(said["arguments"]), files, said["links"], tuple(said["written"]), said["report"], said["note"])


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
