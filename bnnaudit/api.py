"""The functions for use from Python: what the command line does, without the command line.

`import bnnaudit` has them all by name, and loads only what is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, SupportsIndex

import torch
from torch import nn

from bnnaudit.auditing.open import (
    DEFAULT_SAMPLES,
    POOL,
    Opened,
    network_units,
    open_model_and_data,
    open_target,
    substitute_maker,
)
from bnnaudit.auditing.request import request_for
from bnnaudit.auditing.run import run_audit
from bnnaudit.config.settings import Settings
from bnnaudit.core.effort import Effort
from bnnaudit.core.errors import DataError, UsageError
from bnnaudit.core.limits import Limits, limits_of, limits_set
from bnnaudit.core.model_file import require_model
from bnnaudit.core.policy import FailOn, Policy
from bnnaudit.core.progress import Progress, Silence
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.data.given import Data, open_given
from bnnaudit.data.given_items import Drawing
from bnnaudit.data.given_units import Feeding
from bnnaudit.library.arguments import Arguments, Numbers, Tables, ThreatLike, model_of, numbers, settle, whole
from bnnaudit.library.call_text import call_text
from bnnaudit.library.caller_state import caller_state_kept
from bnnaudit.library.early_end import early_end_refused
from bnnaudit.library.report import GateFailedError, GateUndecidedError, Report, read_report
from bnnaudit.models.checkpoint.module import GivenModule
from bnnaudit.releases.earlier import EarlierAudit, read_baseline_for

__all__ = [
    "GateFailedError",
    "GateUndecidedError",
    "Norm",
    "Report",
    "Target",
    "Threat",
    "audit",
    "load_target",
    "read_report",
]


def audit(
    model: str | Path | nn.Module,
    data: Data | None = None,
    threat: ThreatLike | None = None,
    policy: Policy | Mapping[str, object] | None = None,
    *,
    min_clean: float | str | None = None,
    min_verified: float | str | None = None,
    max_gap: float | str | None = None,
    max_drop: float | str | None = None,
    fail_on: FailOn | str | None = None,
    baseline: str | Path | None = None,
    effort: Effort | str | None = None,
    samples: SupportsIndex | None = None,
    seed: SupportsIndex | None = None,
    input_range: tuple[float, float] | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    normalised: bool | None = None,
    input_shape: Sequence[SupportsIndex] | None = None,
    device: str | torch.device | None = None,
    batch_size: SupportsIndex | None = None,
    substitute: str | Path | Literal[False] | None = None,
    name: str | None = None,
    settings: Tables | None = None,
    limits: Limits | str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Audits `model` as `bnnaudit check` does: symptoms of gradient masking, their cause, a verdict, and the gate's decision.

    model: an ONNX file, a checkpoint whose network its card or `settings` name, or a module in memory. A module is copied, and
    the copy put into eval mode; the caller's own stays as it is. The deployed model is then the module itself, in its own
    precision and on its own device, and the report calls it `name` (the name of its class).

    data: where the images are (as for --data), `(images, labels)`, a mapping with `x` and `y`, images alone, a Dataset or a
    DataLoader; what the card names if it is None. Images are uint8 pixels, floats in 0..1, or in `input_range`, the range that
    the network takes before `mean` and `std` (in units of that range). Floats that have been through `mean` and `std` are
    recognised by their values; `normalised` says so, or that they have not. `input_shape`, without the batch, is needed where the
    network takes another shape than the images have, such as vectors. Of a data set or loader of known length only the sample is
    read; a stream is read once, to its end.

    threat: "linf:8/255", ("l2", 0.5) or a `Threat`; eps is in units of the [0,1] image. policy: what the gate asks, as a mapping
    like [policy] of a card, which the project's own policy is merged with, or a `Policy`, which replaces it; `min_clean`,
    `min_verified`, `max_gap`, `max_drop` and `fail_on` are its keys. baseline: a JSON report of an earlier audit; only what is
    new or worse than there fails. substitute: another model for the transfer check, False to leave that out; one trained for a
    model file is kept in the user's cache, unless [run] no_cache in `settings` says otherwise. settings: any other tables of a
    card. Arguments come before `settings`, these before the model's card, and that before the bnnaudit.toml or pyproject.toml of
    the current folder.

    limits: "none" lifts the limits on what files may cost, for files that you trust, as --limits does.

    Returns the report whatever the gate says: `report.raise_if_failed()` is what stops a test. An interrupt (Ctrl-C) ends in an
    undecided report as well. Raises AuditError, in one line, for input that cannot be used. Random state, threads and modes of
    the process are afterwards as they were.
    """
    given = model_of(model, name)
    thresholds = {"min_clean": min_clean, "min_verified": min_verified, "max_gap": max_gap, "max_drop": max_drop}
    gate = {**thresholds, "fail_on": fail_on}
    if isinstance(policy, Policy) and any(value is not None for value in gate.values()):
        raise UsageError(
            f"policy: a Policy says all of it; leave out {', '.join(key for key in gate if gate[key] is not None)}"
        )
    arguments = Arguments(settings)
    path, held = (str(data), None) if isinstance(data, str | Path) else (None, data)
    arguments.put("data", source=path, samples=whole(samples), seed=whole(seed))
    shape = None if input_shape is None else [whole(length) for length in input_shape]
    arguments.put("preprocessing", input_range=input_range, mean=numbers(mean), std=numbers(std), input_shape=shape)
    arguments.put_threat(threat)
    if isinstance(policy, Mapping):
        arguments.put("policy", **policy)
    arguments.put("policy", **gate, baseline=baseline)
    arguments.put("audit", effort=effort)
    arguments.put("run", device=None if device is None else str(device), batch_size=whole(batch_size))
    arguments.put("substitute", model=substitute or None)
    call = call_text(
        "bnnaudit.audit", given, data, threat=threat, policy=policy, **gate, effort=effort, samples=samples
    )
    with limits_set(limits_of(limits)), caller_state_kept(), early_end_refused():
        settled = settle(given, arguments, policy if isinstance(policy, Policy) else None)
        named = baseline if isinstance(policy, Policy) else settled.settings.policy.baseline
        if named is None and max_drop is not None:
            raise UsageError("max_drop: there is nothing that accuracy could fall from; give baseline=")
        found = None if named is None else read_baseline_for(Path(named), [settled.settings])
        opened = _opened(given, held, settled.settings, normalised, substitute is not False)
        made, transfer = Provenance.now(call), substitute is not False
        earlier = None if found is None else EarlierAudit.of(found, opened.target.facts.path, opened.threat, alone=True)
        least = 0 if earlier is None else earlier.images
        request = request_for(opened, settled.policy, transfer, made, substitute_maker(opened), least_images=least)
        report = run_audit(request, progress or Silence()).report
        return Report.of(report if earlier is None else earlier.hold(report))


def load_target(
    model: str | Path | nn.Module, settings: Tables | None = None, *, limits: Limits | str | None = None
) -> Target:
    """The model with its card and `settings` (which win over the card), ready to attack; raises AuditError.

    A module in memory needs [preprocessing] input_shape in the settings. limits: as for `audit`.
    """
    given = model_of(model, None)
    with limits_set(limits_of(limits)), caller_state_kept(), early_end_refused():
        return open_target(given, Arguments(settings).settled(given))


def _opened(
    model: Path | GivenModule, data: object, settings: Settings, normalised: bool | None, transfer: bool
) -> Opened:
    """The model with the data in memory, or with those that the settings name."""
    if data is None:
        if settings.data.source is None:
            raise DataError("data: nothing to audit on; give data=, or [data] source in the model's card")
        return open_model_and_data(model, settings)
    if isinstance(model, Path):
        require_model(model)
    others = POOL if transfer and settings.substitute.model is None else 0
    drawing = Drawing(settings.data.samples or DEFAULT_SAMPLES, settings.data.seed or 0, others)
    fed = settings.preprocessing.resolved()
    source = open_given(data, drawing, Feeding(network_units(model, settings), fed.mean, fed.std, normalised))
    return open_model_and_data(model, settings, source)
