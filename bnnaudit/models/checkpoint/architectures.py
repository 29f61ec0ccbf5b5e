"""The network that a checkpoint's weights are loaded into: a built-in one, or the user's own code."""

from __future__ import annotations

import difflib
import importlib
import sys
import sysconfig
import typing
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from bnnaudit.core.errors import UsageError, one_line

INSTALLED = tuple(Path(sysconfig.get_path(place)).resolve() for place in ("stdlib", "platstdlib", "purelib", "platlib"))


def resolve_architecture(
    name: str, options: Mapping[str, object], builtin: Mapping[str, Callable[..., nn.Module]]
) -> nn.Module:
    """The network that `builtin[name]` or the callable `package.module:callable` builds from `options`.

    Modules are found as Python finds them, the current folder included. A card may come with a model from anywhere, so the
    callable must be a class of networks, a function annotated as returning one, or a function of code that is not part of
    the installation: a card cannot have `os:system` called. Raises UsageError where there is no such callable, or where it
    does not build an nn.Module.
    """
    builder = _imported(name) if ":" in name else _builtin(name, builtin)
    shown = ", ".join(f"{key}={value!r}" for key, value in options.items())
    try:
        network = builder(**options)
    except Exception as error:  # the builder is the user's code and may raise anything
        raise UsageError(
            f"architecture: {name}({shown}) failed: {type(error).__name__}: {one_line(error, 200)}"
        ) from error
    if not isinstance(network, nn.Module):
        raise UsageError(
            f"architecture: {name}({shown}) returned a {type(network).__name__}; it must return a torch.nn.Module"
        )
    return network


def _builtin(name: str, builtin: Mapping[str, Callable[..., nn.Module]]) -> Callable[..., nn.Module]:
    if name in builtin:
        return builtin[name]
    near = difflib.get_close_matches(name, builtin, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    known = ", ".join(sorted(builtin)) or "none"
    raise UsageError(
        f"architecture: {name!r} is not built in; {hint}Built in: {known}; name your own code as package.module:callable"
    )


def _imported(name: str) -> Callable[..., nn.Module]:
    """The callable that `package.module:callable` names, looked for in the current folder first."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute.isidentifier():
        raise UsageError(f"architecture: {name!r} is not of the form package.module:callable")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # importing runs the user's code
        raise UsageError(
            f"architecture: {module_name} cannot be imported ({type(error).__name__}: {one_line(error, 200)}); run "
            "from the folder that holds it, or install it"
        ) from error
    finally:
        sys.path.remove(here)
    found = getattr(module, attribute, None)
    if not callable(found):
        raise UsageError(f"architecture: {module_name} has no callable {attribute!r}")
    builder: Callable[..., nn.Module] = found
    if not _builds_networks(builder):
        raise UsageError(
            f"architecture: {name} is neither a class of networks nor a function of your own; an installed function must "
            "be annotated as returning an nn.Module"
        )
    return builder


def _builds_networks(builder: Callable[..., object]) -> bool:
    """A class of networks, a function that is annotated as building one, or one that is not installed but the user's."""
    if isinstance(builder, type):
        return issubclass(builder, nn.Module)
    try:
        result = typing.get_type_hints(builder).get("return")
    except Exception:  # annotations are the user's code too
        result = None
    if isinstance(result, type) and issubclass(result, nn.Module):
        return True
    home = getattr(sys.modules.get(getattr(builder, "__module__", None) or "builtins"), "__file__", None)
    return home is not None and not any(Path(home).resolve().is_relative_to(place) for place in INSTALLED)
