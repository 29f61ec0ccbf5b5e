"""The images that an input of whole numbers can be given: their range, and the values between its ends."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import helper

from bnnaudit.core.errors import ModelError
from bnnaudit.core.facts import ChannelOrder
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.threat import Box, InputGrid
from bnnaudit.models.first_try import tried_first
from bnnaudit.models.onnx.input import WHOLE_NUMBERS, NetworkInput, type_name
from bnnaudit.models.onnx.protobuf_wire import parse_lean

ROOM = 0.5
"""How far a range may reach beyond the type's, in steps: a mean that is rounded to a few digits. More is not rounding."""
MOST_STEPS = 2**20
"""Steps that float32 tells apart by a quarter of one and better."""


SHORT = 2**20
"""Bytes of a file that is read without a process of its own: of empty messages it takes a second and 0.1 GiB, fifty times as
many take 42 s and 5 GiB."""


def with_range(path: Path, given: NetworkInput, chosen: Preprocessing) -> Preprocessing:
    """The preprocessing with the range of the images, the input's own where none was chosen.

    That is 0..1 for floats, and for whole numbers of 8 or 16 bits what mean and std make into the range of their type.
    Raises ModelError where the type does not imply a range, or the chosen range does not fit it.
    """
    if not given.whole:
        return replace(chosen, box=chosen.box_of_floats)
    kind, name = given.kind, given.name
    if chosen.box is None:
        if not WHOLE_NUMBERS[given.element_type]:
            raise ModelError(
                f"{path}: input {name!r} takes {kind}, whose range is not that of images; give --input-range LO,HI, such as "
                "0,255 for 8-bit pixels"
            )
        ends = {tuple(mean + std * limit for limit in given.limits) for mean, std in _normalisations(chosen)}
        if len(ends) > 1:
            raise ModelError(
                f"{path}: input {name!r} takes {kind}, which mean and std make into another range for each channel; leave "
                "them out if it normalises pixels itself, else give --input-range LO,HI, in whose units they are"
            )
        chosen = replace(chosen, box=Box(*ends.pop()))
    _check_fits(path, given, chosen)
    return chosen


def grid_of(path: Path, given: NetworkInput, chosen: Preprocessing) -> InputGrid | None:
    """The values that a pixel can have, None where the input takes floats; `chosen` has a range. Raises ModelError."""
    if not given.whole:
        return None
    box, (least, most) = chosen.box_of_floats, given.limits
    first, last, steps = [], [], []
    for mean, std in _normalisations(chosen):
        low, high = (float(np.clip(np.rint((end - mean) / std), least, most)) for end in (box.low, box.high))
        first.append(mean + std * low)
        last.append(mean + std * high)
        steps.append(int(high - low))
    if min(steps) < 1 or max(steps) > MOST_STEPS:
        raise ModelError(
            f"{path}: input {given.name!r} takes {given.kind}, of which {max(min(steps), 0) + 1:,} lie in the input range "
            f"{box.low:g},{box.high:g}; choose a range of 2 to {MOST_STEPS:,} of them with --input-range"
        )
    return InputGrid(given.kind, tuple(first), tuple(last), tuple(steps))


def peek(path: Path) -> tuple[str, Box | None]:
    """The type of a file's input of whole numbers and the range that it has by default, read without the large weights.

    No type where it takes something else, or where the file cannot be read: why is for `load_onnx` to say. Raises ModelError
    for one that takes more to read than it may.
    """
    work = partial(_peeked, path)
    return (tried_first(path, work) if _is_long(path) else None) or work()


def _is_long(path: Path) -> bool:
    with suppress(OSError):
        return path.stat().st_size > SHORT
    return False


def _peeked(path: Path) -> tuple[str, Box | None]:
    try:
        proto, large = parse_lean(path)
    except (DecodeError, OSError):
        return "", None
    stored = {tensor.name for tensor in (*proto.graph.initializer, *large)}
    kinds = [info.type.tensor_type.elem_type for info in proto.graph.input if info.name not in stored]
    if len(kinds) != 1 or kinds[0] not in WHOLE_NUMBERS:
        return "", None
    limits = np.iinfo(helper.tensor_dtype_to_np_dtype(kinds[0]))
    return type_name(kinds[0]), Box(float(limits.min), float(limits.max)) if WHOLE_NUMBERS[kinds[0]] else None


def _normalisations(chosen: Preprocessing) -> list[tuple[float, float]]:
    """Mean and standard deviation of each channel of the images, or of all; they are given in the network's order."""
    count = max(1, len(chosen.mean), len(chosen.std))
    means, stds = chosen.mean or (0.0,), chosen.std or (1.0,)
    found = [(means[min(i, len(means) - 1)], stds[min(i, len(stds) - 1)]) for i in range(count)]
    return found[::-1] if chosen.channels is ChannelOrder.BGR else found


def _check_fits(path: Path, given: NetworkInput, chosen: Preprocessing) -> None:
    """Raises ModelError where a range has ends that the type lacks: no images are prepared that way."""
    box, (least, most) = chosen.box_of_floats, given.limits
    ends = [(end - mean) / std for end in (box.low, box.high) for mean, std in _normalisations(chosen)]
    if min(ends) >= least - ROOM and max(ends) <= most + ROOM:
        return
    raise ModelError(
        f"{path}: input {given.name!r} takes {given.kind}, {least:g}..{most:g}, but the input range "
        f"{box.low:g},{box.high:g} becomes {min(ends):g}..{max(ends):g}; {_way_out(given, chosen)}"
    )


def _way_out(given: NetworkInput, chosen: Preprocessing) -> str:
    """What to do about a range that does not fit: networks that take pixels mostly normalise them themselves."""
    if chosen.mean or chosen.std:
        return "leave --mean and --std out, unless they are what makes such whole numbers of pixels"
    box, (least, most) = chosen.box_of_floats, given.limits
    hint = f", or give --mean {box.low - least:g}" if box.width == most - least else ""
    return f"leave --input-range out for that of the type{hint}"
