"""Kinds of paths: what is checked before anything heavy is imported, and which files a shell may complete."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from glob import glob
from pathlib import Path
from typing import Annotated

from bnnaudit.cli.values import Kind, filled
from bnnaudit.core.dataset import IMAGE_SUFFIXES, NamedDataset
from bnnaudit.core.descriptors import can_write, descriptor_of
from bnnaudit.core.errors import ModelError, UsageError
from bnnaudit.core.file_name import expanded, followed
from bnnaudit.core.model_file import CHECKPOINT_SUFFIXES, ONNX_SUFFIXES, require_model
from bnnaudit.reports.formats import SUFFIXES

MODEL_SUFFIXES = (*ONNX_SUFFIXES, *CHECKPOINT_SUFFIXES)
WEIGHTS_BESIDE = (".data", ".onnx_data")
"""Ends of names that exporters give to weights of an ONNX file that lie beside it."""
KEPT = (*MODEL_SUFFIXES, *WEIGHTS_BESIDE, ".toml", ".npz", ".zip", *sorted(IMAGE_SUFFIXES))
"""Ends of names of models, cards, policies and data, which no report replaces."""
REPORTS_TO = ("output", "report")
"""Options that name files to write reports to."""
PATTERN = re.compile(r"[*?]|\[.+\]")
NO_SUBSTITUTE = Path("none")
"""What `--substitute` says to leave the transfer check out."""


def model_file(text: str, option: str = "model") -> Path:
    """A model; raises ModelError where there is none, or none of a supported kind."""
    path = named(text, option)
    require_model(path)
    return path


def model_files(words: Sequence[str]) -> tuple[Path, ...]:
    """The models that paths and patterns name, each once; raises ModelError for a word that names none.

    A pattern is a word with *, ? or [...] that is no file itself; ** stands for any folders. It finds what is named like a model.
    """
    found: list[Path] = []
    for word in words:
        path = named(word, "model")
        if PATTERN.search(word) and not path.exists():
            names = sorted(glob(word, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
            matches = [path for path in map(Path, names) if path.is_file() and path.suffix.lower() in MODEL_SUFFIXES]
            if not matches:
                raise ModelError(f"{word}: no model fits this pattern; models end in {', '.join(MODEL_SUFFIXES)}")
            found += matches
        else:
            require_model(path)
            found.append(path)
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    return tuple(once.values())


def substitute(text: str) -> Path:
    """Another model, or `none`."""
    return NO_SUBSTITUTE if text == str(NO_SUBSTITUTE) else model_file(text, "substitute")


def existing_file(text: str, option: str) -> Path:
    """A TOML file to read for `option`; UsageError where there is none."""
    path = named(text, option)
    if not path.exists():
        raise UsageError(f"{option}: {path}: no such file")
    if not path.is_file():
        raise UsageError(f"{option}: {path} is not a file; name a TOML file")
    if not os.access(path, os.R_OK):
        raise UsageError(f"{option}: {path} cannot be read (permission denied)")
    return path


def absent_file(path: Path, option: str) -> None:
    """Raises UsageError unless a file can be made at `path`, where nothing is yet."""
    require_place(path, option)
    if os.path.lexists(path):
        raise UsageError(f"{option}: {path} is there already, and is not replaced; name another file, or remove it")
    require_writable(working_folder() / path.parent, path.parent, option)


def written_file(text: str, option: str, suffixes: tuple[str, ...] = ()) -> Path:
    """A file to write for `option`; raises UsageError before any work is done if it could not be written."""
    path = named(text, option)
    if text == "-":
        raise UsageError(f"{option}: - is not a file; name one")
    whole = require_place(path, option)
    descriptor = descriptor_of(path)
    if descriptor is not None:
        if not can_write(descriptor):
            raise UsageError(f"{option}: {path} cannot be written (it is not open for writing); name another file")
        return path
    if whole.is_dir():
        raise UsageError(f"{option}: {path} is a folder; name a file")
    if suffixes and path.suffix.lower() not in suffixes:
        raise UsageError(f"{option}: {path} does not end in {' or '.join(suffixes)}")
    if whole.is_block_device() or whole.is_socket():
        raise UsageError(f"{option}: {path} is neither a file nor a stream; name a file")
    require_writable(whole.parent, path.parent, option)
    return path


def is_kept(path: Path) -> bool:
    """Whether a file is named, or a link to one that is named, like a model, a card, a policy or data."""
    return bool({path.suffix.lower(), followed(path).suffix.lower()} & set(KEPT))


def is_evidence(path: Path) -> bool:
    """Whether a file lies among evidence, as `check --evidence` writes it to a folder: its manifest names every file there."""
    from bnnaudit.evidence.manifest import ARRAYS
    from bnnaudit.evidence.stores import MANIFEST

    return all((followed(path).parent / name).is_file() for name in (MANIFEST, ARRAYS))


def require_place(path: Path, option: str) -> Path:
    """Where a path leads, through links; UsageError where no file can have that name."""
    try:
        whole = (working_folder() / path).resolve()
        os.lstat(whole)
    except FileNotFoundError:
        return whole
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links; ValueError: a NUL
        why = (
            error.strerror
            if isinstance(error, OSError)
            else "links that lead to one another"
            if isinstance(error, RuntimeError)
            else error
        )
        raise UsageError(f"{option}: {path} cannot be written ({why}); name another file") from error
    return whole


def picture_file(text: str) -> Path:
    """A picture to write, by a library that may not be installed."""
    path = written_file(text, "plot")
    from bnnaudit.reports.pictures.figure import check_can_plot

    check_can_plot(path)
    return path


def output_folder(text: str, option: str = "output") -> Path:
    """A folder to write several files to, which need not be there yet."""
    path = folder(text, option)
    whole = require_place(path, option)
    present = next(place for place in (whole, *whole.parents) if place.exists())
    require_writable(present, path, option)
    return path


def models_folder(text: str) -> Path:
    """A folder of models; UsageError where there is none."""
    path = folder(text, "models")
    if not path.is_dir():
        raise UsageError(f"models: {path}: no such folder")
    return path


def evidence_place(text: str) -> Path:
    """A folder or `.zip` to write evidence to; raises UsageError where something else is there."""
    path = named(text, "evidence")
    from bnnaudit.evidence.writing.destination import require_place

    require_place(working_folder() / path)
    return path


def evidence_found(text: str) -> Path:
    """Evidence to check."""
    path = named(text, "evidence")
    if not path.exists():
        raise UsageError(f"evidence: {path}: no such file or folder")
    return path


def require_writable(folder: Path, shown: Path, option: str) -> None:
    """Raises UsageError unless files can be written to `folder`, which the message calls `shown`."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(f"{option}: {shown} is not a folder that can be written to")


class WouldOverwriteError(UsageError):
    """A file to write that is read, or that another option writes. read: the former, where nothing at all must be written."""

    def __init__(self, message: str, read: Sequence[Path]) -> None:
        super().__init__(message)
        self.read = tuple(read)


def refuse_overwriting(
    read: Mapping[str, Path | None],
    written: Iterable[tuple[str, Path | None]],
    reports_to: Collection[str] = REPORTS_TO,
) -> None:
    """Raises WouldOverwriteError where a file to write, by its option, is one that is read, or that another option writes.

    A report, which the options `reports_to` write, does not replace what is named like a model, a card or data either.
    """
    taken: list[tuple[str, Path]] = []
    problems: list[str] = []
    kept: list[Path] = []
    for option, path in written:
        if path is None or (path.exists() and not path.is_file()):
            continue
        inputs = [what for what, other in read.items() if other is not None and _is_read(path, other)]
        outputs = [what for what, other in taken if is_same(path, other)]
        problems += [f"{option}: {path} is {what}; name another file" for what in (*inputs, *outputs)]
        if option in reports_to and not (inputs or outputs) and path.exists() and is_kept(path):
            problems.append(f"{option}: {path} is there, and named like a model, a card or data; name another file")
        kept += [path] if inputs else []
        taken.append((f"what --{option} writes", path))
    if problems:
        raise WouldOverwriteError(problems[0], kept)


def _is_read(path: Path, source: Path) -> bool:
    """Whether a file to write is one that is read, or an image in a folder of them."""
    if is_same(path, source):
        return True
    is_image = path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
    return is_image and source.is_dir() and followed(source) in followed(path).parents


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, which need not be there yet."""
    return followed(one) == followed(other) or (one.exists() and other.exists() and one.samefile(other))


def working_folder() -> Path:
    """The current folder; UsageError where it has been deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the current folder no longer exists; change to another one") from None


def named(text: str, what: str) -> Path:
    """The path that `text` is; UsageError where it is empty."""
    return Path(filled(text, f"{what}: the path"))


def folder(text: str, option: str) -> Path:
    """A folder, or what may become one."""
    path = named(text, option)
    if path.exists() and not path.is_dir():
        raise UsageError(f"{option}: {path} is not a folder")
    return path


def path_kind(metavar: str, parse: Callable[[str], object], suffixes: tuple[str, ...], *names: str) -> Kind:
    """A path that is completed to folders, to files with one of these suffixes, and to `names`."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)] + matching(incomplete, suffixes)

    # A path's errors name the file themselves, as they do wherever else it comes from.
    return Kind(metavar, parse, complete)


def matching(incomplete: str, suffixes: tuple[str, ...]) -> list[str]:
    """The folders and the files of these kinds that the path may become; where it can only be one folder, what is in it."""
    typed, slash, start = incomplete.rpartition("/")
    folder = expanded(Path(typed + slash or "."))
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return []
    found = [
        f"{typed}{slash}{path.name}{'/' if path.is_dir() else ''}"
        for path in inside
        if path.name.startswith(start)
        and (start or not path.name.startswith("."))
        and (path.is_dir() or path.suffix.lower() in suffixes)
    ]
    if len(found) == 1 and found[0].endswith("/"):
        return matching(found[0], suffixes) or found
    return found


MODEL = path_kind("MODEL", model_file, MODEL_SUFFIXES)
MODELS = path_kind("MODEL...", partial(filled, what="model: the path"), MODEL_SUFFIXES)
REPORTS = path_kind("REPORT...", partial(filled, what="report: the path"), (".json",))
STORED_REPORT = path_kind("REPORT", partial(named, what="report"), (".json",))
RECIPE = path_kind("RECIPE", partial(named, what="recipe"), (".toml",))
Pictures = Annotated[str, path_kind("FOLDER|FILE.zip", partial(filled, what="new: the path"), (".zip",))]
Model = Annotated[Path, MODEL]
Substitute = Annotated[Path, path_kind("MODEL", partial(model_file, option="substitute"), MODEL_SUFFIXES)]
SubstituteOrNone = Annotated[Path, path_kind("MODEL|none", substitute, MODEL_SUFFIXES, str(NO_SUBSTITUTE))]
Data = Annotated[str, path_kind("PATH|NAME", partial(filled, what="data: the path"), (".npz", ".zip"), *NamedDataset)]
DataRoot = Annotated[Path, path_kind("FOLDER", partial(folder, option="data-root"), ())]
Card = Annotated[Path, path_kind("FILE.toml", partial(existing_file, option="card"), (".toml",))]
HistoryFolder = Annotated[Path, path_kind("FOLDER", partial(output_folder, option="history"), ())]
KeptFolder = Annotated[Path, path_kind("FOLDER", partial(folder, option="history"), ())]
StoredReport = Annotated[Path, path_kind("REPORT.json", partial(named, what="baseline"), (".json",))]
Report = Annotated[Path, path_kind("FILE", partial(written_file, option="output"), tuple(SUFFIXES))]
Adversarial = Annotated[
    Path, path_kind("FILE.npz", partial(written_file, option="save", suffixes=(".npz",)), (".npz",))
]
Evidence = Annotated[Path, path_kind("FOLDER|FILE.zip", evidence_place, (".zip",))]
EVIDENCE_FOUND = path_kind("EVIDENCE", evidence_found, (".zip",))
Picture = Annotated[Path, path_kind("FILE.svg|png", picture_file, (".svg", ".png"))]
ModelsFolder = Annotated[Path, path_kind("FOLDER", models_folder, ())]
FiguresFolder = Annotated[Path, path_kind("FOLDER", partial(output_folder, option="figures"), ())]
Folder = Annotated[Path, path_kind("FOLDER", output_folder, ())]
