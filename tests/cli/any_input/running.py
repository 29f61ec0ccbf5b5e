"""A case made of files, run, and held against what every command promises."""

from __future__ import annotations

import json
import os
import random
import shutil
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bnnaudit.core.file_name import followed
from tests.cli.any_input.cases import BROKEN, COMMANDS, GOOD, MORE_READ, SUFFIXES, Case
from tests.cli.any_input.fork_server import PROCESSOR, WALL, Ended, ForkServer, Request
from tests.cli.any_input.good_files import DAMAGE, INSTEAD, KINDS, NAMES
from tests.paths import ROOT

MEMORY = 4 * 2**20
"""KiB."""
EARLIER = "what an earlier run left\n"
BIDIRECTIONAL = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}

State = Mapping[str, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of a case, and where its output goes: `written` may be made or changed, and nothing else."""

    root: Path
    words: tuple[str, ...]
    stdin: str
    stdout: str
    output: Path | None
    written: tuple[Path, ...]


def problems_of(case: Case, good: Path, root: Path, server: ForkServer) -> list[str]:
    """What a run of the case does that it should not."""
    place = _made(case, good, root)
    before = state_of(root)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("BNNAUDIT", "PYTEST", "XDG"))},
        "HOME": str(root / "home"),
        "TMPDIR": str(root / "tmp"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    request = Request(place.words, str(root / "work"), environment, place.stdin, place.stdout, str(root / "stderr"))
    ended = server.run(request)
    out = "" if case.to in BROKEN else (root / "stdout").read_bytes().decode("utf-8", "surrogateescape")
    err = (root / "stderr").read_bytes().decode("utf-8", "surrogateescape")
    found = [*_of_process(ended), *_of_streams(ended.code, out, err), *_of_delivery(case, ended.code, out, place)]
    found += _of_files(before, state_of(root), place)
    _give_rights_back(root)
    return [f"{case}: {problem}; {' '.join(place.words)!r}: exit {ended.code}, {err[-2000:]!r}" for problem in found]


def _made(case: Case, good: Path, root: Path) -> Place:
    """Writes the files of a case."""
    draw = random.Random(case.seed)
    for name in ("in", "out", "work", "home", "tmp"):
        (root / name).mkdir(parents=True)
    (root / "stderr").touch()
    (root / "stdout").touch()
    chosen = {
        kind: _copied(files[0], good, root) for kind, files in KINDS.items() if kind not in ("project", "picture")
    }
    chosen["empty_folder"] = root / "in" / "empty"
    chosen["empty_folder"].mkdir()
    chosen["stdin"] = _copied("newer.json", good, root / "stdin")
    if case.file:
        chosen[case.kind] = _copied(case.file, good, root)
    if case.kind == "picture":
        chosen["data"] = root / "in" / "pictures"
    if case.kind == "project":
        chosen["project"] = chosen["project"].rename(root / "work" / "bnnaudit.toml")
    if case.kind:
        chosen[case.kind] = _changed(chosen[case.kind], case.change, draw)
    words = (case.command, *COMMANDS[case.command], *MORE_READ.get(case.command, {}).get(case.kind, ()))
    named = {**{f"{{{kind}}}": str(path) for kind, path in chosen.items()}, "{stdin}": "-"}
    words = tuple(named.get(word, word) for word in words)
    extra, output, written = _output(case, root, chosen.get(case.kind), draw)
    stdout = {"full": "/dev/full", "closed": "closed", "left": "left"}.get(case.to, str(root / "stdout"))
    return Place(root, (*words, *extra), str(chosen["stdin"]), stdout, output, written)


def _copied(name: str, good: Path, root: Path) -> Path:
    source, target = good / name, root / "in" / name
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.startswith("pictures/"):
            shutil.copytree(good / "pictures", root / "in" / "pictures", dirs_exist_ok=True)
        shutil.copyfile(source, target)
    return target


def _changed(path: Path, change: str, draw: random.Random) -> Path:
    """The path of a file after its change; damage to a folder is that of a file in it."""
    if change == GOOD:
        return path
    if change in NAMES:
        return path.rename(path.with_name(NAMES[change](path.suffix)))
    if change in INSTEAD:
        INSTEAD[change](path, draw)
        return path
    inside = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    if inside:
        DAMAGE[change](draw.choice(inside), draw)
    return path


def _output(
    case: Case, root: Path, changed: Path | None, draw: random.Random
) -> tuple[tuple[str, ...], Path | None, tuple[Path, ...]]:
    """The words that say where the output goes, the file that gets it, and all that may be written."""
    suffix = "" if case.command == "train" else draw.choice((".json", ".txt"))
    new = root / "out" / f"new{suffix}"
    match case.to:
        case "stdout" | "closed" | "full" | "left":
            if case.command == "train":
                return ("-o", str(new)), None, (new,)
            return (), None, ()
        case "file":
            return ("-o", str(new)), new, (new,)
        case "a file that is there":
            (new.mkdir if case.command == "train" else new.write_text)(*(() if case.command == "train" else (EARLIER,)))
            return ("-o", str(new)), new, (new,)
        case "a missing folder":
            missing = root / "out" / "absent" / new.name
            return ("-o", str(missing)), missing, (root / "out" / "absent",) if case.command == "train" else ()
        case "a folder without rights":
            (root / "out").chmod(0o555)
            return ("-o", str(new)), new, ()
        case "a folder":
            return ("-o", str(root / "out")), None, (root / "out",) if case.command == "train" else ()
        case "the input":
            return _into_input(case, changed or root / "in" / "model.onnx")
        case "a pipe":
            os.mkfifo(new)
            return ("-o", str(new)), None, ()
    other = root / "out" / f"other{SUFFIXES.get(case.to, '')}"
    return (case.to, str(other)), None, (other,)


def _into_input(case: Case, place: Path) -> tuple[tuple[str, ...], Path | None, tuple[Path, ...]]:
    """The same where the output goes to what is read."""
    words = ("-o", str(place))
    if case.command == "train" and place.is_dir():  # a folder may get more files than it has
        return words, None, (place,)
    if place.exists():
        return words, None, ()
    return words, place, (place, followed(place))  # there is nothing that could be overwritten


def _of_process(ended: Ended) -> list[str]:
    found = [] if ended.code in (0, 1, 2, 3) else ["another exit code"]
    found += [f"{ended.left} processes left"] if ended.left else []
    found += [f"{ended.processor:.0f} s of processor time"] if ended.processor > PROCESSOR else []
    found += [f"{ended.seconds:.0f} s"] if ended.seconds > WALL else []
    return found + ([f"{ended.memory} KiB of memory"] if ended.memory > MEMORY else [])


def _of_streams(code: int, out: str, err: str) -> list[str]:
    """Control characters, marks that turn text around, and lines on stderr that tell no error."""
    found = [f"{sign!r} on {name}" for name, text in (("stdout", out), ("stderr", err)) for sign in _steering(text)]
    lines = err.splitlines()
    if code == 2 and (len(lines) != 1 or not err.startswith("bnnaudit: ") or not err.endswith("\n")):
        found.append("not one line on stderr")
    if len(lines) > (code in (2, 3)):
        found.append("more lines on stderr than errors")
    return found


def _steering(text: str) -> list[str]:
    return sorted(
        {
            sign
            for sign in text
            if (unicodedata.category(sign) in ("Cc", "Cs") and sign != "\n")
            or unicodedata.bidirectional(sign) in BIDIRECTIONAL
            or sign in "\u200e\u200f\u061c\u2028\u2029"
        }
    )


def _of_delivery(case: Case, code: int, out: str, place: Place) -> list[str]:
    """0 and 1 are said with the whole report alone."""
    if code not in (0, 1):
        return []
    if case.to in BROKEN:
        return ["a verdict without a report"]
    if case.command == "train" or place.output is None:
        return [] if out.endswith("\n") or place.output is not None else ["no whole report on stdout"]
    text = place.output.read_text() if place.output.exists() else ""
    if not text.endswith("\n") or text == EARLIER:
        return ["no whole report in the file"]
    says_code = case.command not in ("render", "explain", "verify")
    if says_code and place.output.suffix == ".json" and json.loads(text).get("exit_code", code) != code:
        return ["another exit code than in the report"]
    return []


def _of_files(before: State, after: State, place: Place) -> list[str]:
    """What was made, changed or removed that should not have been, and parts that were left."""

    def is_asked(name: str) -> bool:
        path = place.root / name
        return any(path == one or one in path.parents for one in place.written) or name in ("stdout", "stderr", "out")

    names = [name for name in {*before, *after} if before.get(name) != after.get(name) and not is_asked(name)]
    found = [f"{name!r} was {'changed' if name in after and name in before else 'made or removed'}" for name in names]
    return found + [f"{name!r} was left" for name in after if Path(name).name.startswith(".bnnaudit-")]


def state_of(root: Path) -> State:
    """Everything below the folder: its kind and rights, when it was changed, and what it holds."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            status = path.lstat()
            held: object = str(path.readlink()) if path.is_symlink() else None
            if held is None and path.is_file():
                held = sha256(path.read_bytes()).hexdigest() if os.access(path, os.R_OK) else "not to be read"
            changed = None if path.is_dir() and not path.is_symlink() else status.st_mtime_ns
            found[str(path.relative_to(root))] = (status.st_mode, changed, held)
    return found


def _give_rights_back(root: Path) -> None:
    (root / "out").chmod(0o755)
    for path in (root / "in").rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755)
