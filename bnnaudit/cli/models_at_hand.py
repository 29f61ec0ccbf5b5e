"""The models that `reproduce` may run: those that are named, and those of folders that come with a card."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bnnaudit.cli.paths import MODEL_SUFFIXES, WouldOverwriteError
from bnnaudit.core.errors import AuditError, UsageError, one_line
from bnnaudit.core.model_file import ONNX_SUFFIXES
from bnnaudit.core.reproduction import Network, UnableModel, kind_of

if TYPE_CHECKING:
    from bnnaudit.config.settings import Settings


@dataclass(frozen=True, slots=True)
class AtHand:
    """A model that may be run. named: whether it was asked for by its name, so that it is run whatever its kind."""

    path: Path
    settings: Settings
    network: Network
    named: bool


@dataclass(frozen=True, slots=True)
class ModelsAtHand:
    """The models to choose from. unable: those of the folders whose card or file cannot be used."""

    models: tuple[AtHand, ...]
    unable: tuple[UnableModel, ...]


def models_in(folders: Iterable[Path]) -> tuple[Path, ...]:
    """The models of folders that come with a card, by name; an ONNX file comes before a checkpoint of the same name."""
    found: list[Path] = []
    for folder in folders:
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            raise UsageError(f"models: {folder} cannot be read ({error.strerror}); name another folder") from error
        inside = [path for path in entries if path.suffix.lower() in MODEL_SUFFIXES and path.is_file()]
        inside.sort(key=lambda path: path.suffix.lower() not in ONNX_SUFFIXES)
        stems: dict[str, Path] = {}
        for path in inside:
            if path.with_suffix(".toml").is_file():
                stems.setdefault(path.stem, path)
        found += [stems[stem] for stem in sorted(stems)]
    return tuple(dict.fromkeys(found))


def at_hand(named: Sequence[Path], folders: Sequence[Path], settle: Callable[[Path], Settings]) -> ModelsAtHand:
    """Reads the cards, and the files of models whose cards do not say their kind.

    Raises an AuditError for what is wrong with a model that was named; one of a folder is then left out, and listed.
    """
    models: list[AtHand] = []
    unable: list[UnableModel] = []
    for path in dict.fromkeys([*named, *models_in(folders)]):
        try:
            settings = settle(path)
            models.append(AtHand(path, settings, network_of(path, settings), path in named))
        except AuditError as error:
            if path in named or isinstance(error, WouldOverwriteError):
                raise
            unable.append(UnableModel(str(path), one_line(error)))
    return ModelsAtHand(tuple(models), tuple(unable))


def network_of(path: Path, settings: Settings) -> Network:
    """What the card says in [training]; the kind from the model's file where it does not."""
    table = settings.training
    network = Network(
        architecture=table.architecture or settings.architecture.name or "",
        data=table.data or "",
        kind=table.kind or "",
        binarizer=table.binarizer or "",
        adversarial=bool(table.adversarial),
        width=table.width,
    )
    if network.kind:
        return network
    from bnnaudit.auditing.open import inspect_model

    return replace(network, kind=kind_of(inspect_model(path, settings)) or "")
