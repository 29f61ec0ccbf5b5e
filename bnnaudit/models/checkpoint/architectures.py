"""The network that a checkpoint's weights are loaded into: a built-in one, or the user's own code."""

from __future__ import annotations

import difflib
import importlib
import sys
import sysconfig
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

from torch import nn

from bnnaudit.core.errors import UsageError, cited, one_line
from bnnaudit.core.network_code import names_code, split_code

COMMAND_GROUPS = ("console_scripts", "gui_scripts", "distutils.commands")
"""Groups of entry points by which a distribution brings commands; the last is that of setuptools."""
LONGEST = 200
"""Signs of a message or of options that are shown. Not tuned."""
INSTALLED = tuple(Path(sysconfig.get_path(place)).resolve() for place in ("stdlib", "platstdlib", "purelib", "platlib"))


def resolve_architecture(
    name: str, options: Mapping[str, object], builtin: Mapping[str, Callable[..., nn.Module]]
) -> nn.Module:
    """The network that `builtin[name]` or the callable `package.module:callable` builds from `options`.

    Modules are found as Python finds them, the current folder included. That a card names no code is settled before
    (`config/card_trust.py`); here the callable must be a class of networks, a function annotated as returning one, or a function
    of code that is not part of the installation. Raises UsageError where there is no such callable, where it does not build
    an nn.Module, or where it ends the program.
    """
    builder = _imported(name) if names_code(name) else _builtin(name, builtin)
    shown = ", ".join(f"{key}={value!r}" for key, value in options.items())
    call = f"{name}({cited(shown)})"
    with _users_code(f"{call} failed", ""):
        network = builder(**options)
    if not isinstance(network, nn.Module):
        raise UsageError(f"architecture: {call} returned a {type(network).__name__}; it must return a torch.nn.Module")
    return network


@contextmanager
def _users_code(what: str, remedy: str) -> Iterator[None]:
    """Whatever the user's code raises inside, `SystemExit` among it, becomes a UsageError; an interrupt stays one."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UsageError(f"architecture: {what}: {type(error).__name__}: {one_line(error, LONGEST)}{remedy}") from error


def _builtin(name: str, builtin: Mapping[str, Callable[..., nn.Module]]) -> Callable[..., nn.Module]:
    if name in builtin:
        return builtin[name]
    near = difflib.get_close_matches(name, builtin, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    known = ", ".join(sorted(builtin)) or "none"
    raise UsageError(
        f"architecture: '{cited(name)}' is not built in; {hint}Built in: {known}; name your own code as package.module:callable"
    )


def _imported(name: str) -> Callable[..., nn.Module]:
    """The callable that `package.module:callable` names, looked for in the current folder first."""
    module_name, attribute = split_code(name)
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        with _users_code(f"{module_name} cannot be imported", "; run from the folder that holds it, or install it"):
            _refuse_tool(module_name.partition(".")[0])
            module = importlib.import_module(module_name)
            found = getattr(module, attribute, None)
    finally:
        sys.path.remove(here)
    if not callable(found):
        raise UsageError(f"architecture: {module_name} has no callable {attribute!r}")
    builder: Callable[..., nn.Module] = found
    if not _builds_networks(builder):
        raise UsageError(
            f"architecture: {name} is neither a class of networks nor a function of your own; an installed function must "
            "be annotated as returning an nn.Module"
        )
    return builder


def _refuse_tool(package: str) -> None:
    """Raises ImportError for an installed package that brings commands and has nothing to do with PyTorch, such as pip or pytest.

    A package of networks needs torch, as its metadata say; to import one of a tool's modules may already run the tool.
    """
    # The path alone: other finders act when they are asked, as that of setuptools does on `pip`.
    spec = PathFinder.find_spec(package)
    places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
    if not any(place and _is_installed(Path(place)) for place in places):
        return
    for name in metadata.packages_distributions().get(package, ()):
        found = metadata.distribution(name)
        needs = [name, *(found.requires or ())]
        has_commands = any(entry.group in COMMAND_GROUPS for entry in found.entry_points)
        if has_commands and not any("torch" in need.lower() for need in needs):
            raise ImportError(f"{package} is an installed tool, not a package of networks for PyTorch")


def _is_installed(path: Path) -> bool:
    return any(path.resolve().is_relative_to(place) for place in INSTALLED)


def _builds_networks(builder: Callable[..., object]) -> bool:
    """A class of networks, a function that is annotated as building one, or one that is not installed but the user's."""
    if isinstance(builder, type):
        return issubclass(builder, nn.Module)
    try:
        result = typing.get_type_hints(builder).get("return")
    except (Exception, SystemExit):  # annotations are the user's code too
        result = None
    if isinstance(result, type) and issubclass(result, nn.Module):
        return True
    home = getattr(sys.modules.get(getattr(builder, "__module__", None) or "builtins"), "__file__", None)
    return home is not None and not _is_installed(Path(home))
