"""From paths and settings to a target, a sample and a plan: what every command starts with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import prod
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from bnnaudit.auditing.batch_size import fitting_batch, require_room
from bnnaudit.auditing.threads import Threads, fitting_threads, most_threads
from bnnaudit.config.card import settings_for
from bnnaudit.config.settings import Settings
from bnnaudit.core.attack import Pgd
from bnnaudit.core.dataset import require_data
from bnnaudit.core.effort import Effort
from bnnaudit.core.errors import CheckpointError, DataError, ModelError, UsageError
from bnnaudit.core.facts import ChannelOrder, Differentiation, Layout, ModelFacts, ModelFormat
from bnnaudit.core.model_file import ONNX_SUFFIXES, require_model
from bnnaudit.core.network_code import names_code
from bnnaudit.core.plan import AuditPlan, Declared
from bnnaudit.core.policy import Policy
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import DEFAULT_EPS, Box, Norm, Threat, require_radius
from bnnaudit.data import ImageSource, NetworkUnits, Sample, common_shape, open_source, take_pool, take_sample
from bnnaudit.data.fitting import first_image
from bnnaudit.measurements.agreement import FLOAT_NOISE
from bnnaudit.measurements.flattening import settle_flattening
from bnnaudit.measurements.score_tensor import rescored
from bnnaudit.models.checkpoint.architectures import resolve_architecture
from bnnaudit.models.checkpoint.load import load_checkpoint
from bnnaudit.models.checkpoint.module import GivenModule, load_module
from bnnaudit.models.checkpoint.state_dict import read_state_dict, refuse_programs
from bnnaudit.models.onnx.integer_input import peek
from bnnaudit.models.onnx.load import inspect_onnx, load_onnx
from bnnaudit.models.onnx.open_shape import OpenShapeError
from bnnaudit.numerics.threads import working_threads
from bnnaudit.zoo.architectures import ARCHITECTURES
from bnnaudit.zoo.substitute import imitate

Loaded = TypeVar("Loaded")

DEFAULT_SAMPLES = 300
"""Images of a sample where none are stated: 95 % intervals are then at most 12 points wide."""
DEFAULT_STEPS = 20
"""Steps of the ordinary attack where none are stated ([Gupta & Ajanthan 2022])."""
CONFIRMING = 32
"""Images of the sample, beside random ones, on which a recorded network has to agree with the original. Not tuned."""
POOL = 2000
"""Images outside the sample that a substitute may be trained on. Not tuned."""


@dataclass(frozen=True)
class Opened:
    """A model with the images that it is run on.

    unscored: the target before it was decided which of its tensors attacks climb, which depends on the threat.
    """

    target: Target
    sample: Sample
    source: ImageSource
    settings: Settings
    unscored: Target

    @property
    def seed(self) -> int:
        """Of the sample and of the attacks."""
        return self.settings.data.seed or 0

    @property
    def threat(self) -> Threat:
        """What the adversary may change."""
        return threat_of(self.settings, self.target.facts)

    def under(self, settings: Settings) -> Opened:
        """The same model and images under settings that differ in the threat alone."""
        threat = threat_of(settings, self.unscored.facts)
        return replace(self, settings=settings, target=_rescored(self.unscored, self.sample.images, threat))

    @cached_property
    def batch_size(self) -> int:
        """Images to put through the network at once: as the settings say, else as many as fit."""
        return self.settings.run.batch_size or fitting_batch(self.target, self.sample.images)

    @cached_property
    def threads(self) -> Threads:
        """What to compute with: as the settings say, else what is quickest."""
        return fitting_threads(self.target, self.sample.images[: self.batch_size], self.settings.run.threads)


def open_source_of(settings: Settings, model: Path | GivenModule) -> ImageSource:
    """The data that the settings name, for `model`."""
    return open_source(require_data(settings.data.source), settings.data.root, network_units(model, settings))


def network_units(model: Path | GivenModule, settings: Settings) -> NetworkUnits:
    """What the model takes, as far as the settings and the type of its input say before it is loaded.

    Images before a stated normalisation are in the units of the stated range, and of no type.
    """
    given = settings.preprocessing
    if (
        isinstance(model, GivenModule)
        or model.suffix.lower() not in ONNX_SUFFIXES
        or (given.input_range and (given.mean or given.std))
    ):
        return NetworkUnits(given.input_range)
    kind, limits = peek(model)
    return NetworkUnits(given.input_range or limits, kind)


def open_model_and_data(model: Path | GivenModule, settings: Settings, source: ImageSource | None = None) -> Opened:
    """Loads both, the data that the settings name where there is no `source`.

    Raises an AuditError that names whichever cannot be used.
    """
    if isinstance(model, Path):
        require_model(model)
    source = source or open_source_of(settings, model)

    def opened(layout: Layout, records: bool = True) -> Target:
        return open_target(model, _with_preprocessing(settings, layout=layout), source, records)

    # Sessions take the number of threads that PyTorch has when they are opened.
    with working_threads(most_threads(settings.run.threads)):
        target = open_target(model, settings, source)
        sample = take_sample(source, target.facts, settings.data.samples or DEFAULT_SAMPLES, settings.data.seed or 0)
        _refuse_colourless(model, target.facts, sample)
        _check_normalisation(target, sample)
        require_room(target, sample.images[:1])
        target, sample = settle_flattening(target, sample, str(model), opened)
        facts = target.facts
        if facts.gradients.source is Differentiation.RECORDED and not _agrees(target, sample.images[:CONFIRMING]):
            target = opened(facts.layout, records=False)
        scored = _rescored(target, sample.images, threat_of(settings, target.facts))
        return Opened(scored, sample, source, settings, target)


def _rescored(target: Target, images: Tensor, threat: Threat) -> Target:
    """The target whose network returns the tensor to climb under a threat, from passes over as many images as fit."""
    return rescored(target, images, threat, fitting_batch(target, images))


def _refuse_colourless(model: Path | GivenModule, facts: ModelFacts, sample: Sample) -> None:
    """Raises UsageError where colours are to be swapped in images that have none, or none that can be identified."""
    if facts.channels is ChannelOrder.BGR and (sample.images.dim() != 4 or sample.images.shape[1] != len("rgb")):
        shown = "x".join(str(length) for length in sample.images.shape[1:])
        raise UsageError(
            f"channels: {model} is given images of {shown} values, which are not red, green and blue planes; leave out "
            "--channels bgr, or give the data as colour images"
        )


def _agrees(target: Target, images: Tensor) -> bool:
    """Whether the recorded copy puts images (N, ...) into the classes that the model does, float noise aside."""
    scores = target.deployed(images)
    with torch.no_grad():
        classes = target.logits(images.to(target.device)).argmax(dim=1).cpu()
    gap = scores.amax(dim=1) - scores.gather(1, classes[:, None])[:, 0]
    return bool((gap <= FLOAT_NOISE * scores.abs().amax()).all()) if len(images) else True


def _check_normalisation(target: Target, sample: Sample) -> None:
    """Refuses a mean or std whose length is not the images' number of channels, which a flat input alone does not show."""
    channels = sample.images.shape[1]
    for name, values in (("mean", target.prepare.mean), ("std", target.prepare.std)):
        if len(values) not in (0, 1, channels):
            raise DataError(
                f"{sample.facts.source}: {name} has {len(values)} values for images of "
                f"{'x'.join(map(str, sample.images.shape[1:]))}; give one for all, or one for each of the {channels}"
            )


def _with_preprocessing(settings: Settings, **changes: object) -> Settings:
    """The same settings but for some of the preprocessing."""
    return settings.model_copy(update={"preprocessing": settings.preprocessing.model_copy(update=changes)})


def open_target(
    model: Path | GivenModule, settings: Settings, source: ImageSource | None = None, records: bool = True
) -> Target:
    """The model as a target on the device that the settings name; a module in memory on its own where they name none.

    `source` tells the input's shape of a checkpoint whose card does not. records: whether the operators of a user's network
    may be recorded to get at its gradient.
    """
    if isinstance(model, GivenModule):
        return _open_module(model, settings, source, records)
    require_model(model)
    device = choose_device(settings.run.device or "auto")
    preprocessing = settings.preprocessing.resolved()
    if model.suffix.lower() in ONNX_SUFFIXES:
        load = partial(load_onnx, model, surrogate=Surrogate(), device=device)
        target = _for_data(load, preprocessing, lambda: source)
        return replace(target, serve_as=settings.deployment.serve_as or ServeAs.ANY)
    if preprocessing.output_name is not None:
        raise CheckpointError(f"{model}: --output-name chooses among the outputs of an ONNX file; a checkpoint has one")
    architecture = settings.architecture
    refuse_programs(model)
    if architecture.name is None:
        # What no architecture would help says so itself, before one is asked for.
        read_state_dict(model)
        known = ", ".join(sorted(ARCHITECTURES))
        raise CheckpointError(
            f"{model}: a checkpoint holds weights only; name its network with --arch or [architecture] name in its card "
            f"(built in: {known}; your own code: package.module:callable)"
        )
    network = resolve_architecture(architecture.name, architecture.options or {}, ARCHITECTURES)
    shape = _shape_of(model, preprocessing.input_shape or architecture.input_shape, source)
    return load_checkpoint(model, network, shape, preprocessing, Surrogate(), device, records)


def _open_module(given: GivenModule, settings: Settings, source: ImageSource | None, records: bool) -> Target:
    preprocessing, asked = settings.preprocessing.resolved(), settings.run.device or "auto"
    if preprocessing.output_name is not None:
        raise UsageError(f"{given}: output_name chooses among the outputs of an ONNX file; a module has one")
    device = given.device if asked == "auto" else choose_device(asked)
    shape = _shape_of(given, preprocessing.input_shape or settings.architecture.input_shape, source)
    return load_module(given, shape, preprocessing, Surrogate(), device, records)


def choose_device(text: str) -> torch.device:
    """`auto` (CUDA if available), `cpu`, `cuda` or `cuda:N`; raises UsageError for a device that is not there."""
    if text == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(text)
    except RuntimeError:
        raise UsageError(f"device: {text!r} is not one of auto, cpu, cuda, cuda:N") from None
    if device.type == "cpu":
        return device
    if not torch.cuda.is_available() or not 0 <= (device.index or 0) < torch.cuda.device_count():
        raise UsageError(f"device: {text!r} is not on this machine ({torch.cuda.device_count()} CUDA devices); use cpu")
    return device


def inspect_model(model: Path, settings: Settings) -> ModelFacts:
    """The model's facts, without its data where the file says enough."""
    require_model(model)
    preprocessing = settings.preprocessing.resolved()

    def source_if_any() -> ImageSource | None:
        return None if settings.data.source is None else open_source_of(settings, model)

    if model.suffix.lower() in ONNX_SUFFIXES:
        return _for_data(partial(inspect_onnx, model), preprocessing, source_if_any)
    shape = preprocessing.input_shape or settings.architecture.input_shape
    return open_target(model, settings, None if shape else source_if_any()).facts


def _for_data(
    load: Callable[[Preprocessing], Loaded], preprocessing: Preprocessing, source: Callable[[], ImageSource | None]
) -> Loaded:
    """What `load` makes of the model; the data are asked for the input's size only where the file leaves it open."""
    try:
        return load(preprocessing)
    except OpenShapeError:
        data = source()
        shape = None if data is None else common_shape(data)
        if shape is None:
            raise
    return load(replace(preprocessing, data_shape=shape))


def _shape_of(model: Path | GivenModule, stated: tuple[int, ...] | None, source: ImageSource | None) -> tuple[int, ...]:
    """The shape that is stated, held against the data before any network is run on it, or else that of the data."""
    if stated is None:
        return _shape_of_data(model, source)
    held = None if source is None else common_shape(source)
    # Grey files become three equal channels where a network takes colours.
    if held is not None and prod(stated) not in (prod(held), 3 * prod(held), prod(held) // 3):
        raise DataError(
            f"{model}: its input is stated as {'x'.join(map(str, stated))}, but the images are {'x'.join(map(str, held))}; "
            "correct input_shape, or give data prepared as the model's own test set was"
        )
    return stated


def _shape_of_data(model: Path | GivenModule, source: ImageSource | None) -> tuple[int, ...]:
    """(C, H, W) or (features,) of the first image."""
    if source is None or len(source) == 0:
        raise CheckpointError(
            f"{model}: the shape of its input is not known; give --input-shape, or write [preprocessing] input_shape in its card"
        )
    shape = first_image(source).shape
    if len(shape) == 2:
        return (1, *shape)
    if len(shape) == 3 and shape[0] not in (1, 3, 4) and shape[2] in (1, 3, 4):
        return (shape[2], shape[0], shape[1])
    return tuple(shape)


def threat_of(settings: Settings, facts: ModelFacts) -> Threat:
    """The threat model against the model of `facts`; [Gupta & Ajanthan 2022]'s radius for CIFAR-10 where none is given.

    Raises UsageError beyond the whole range, or where the settings' pixels are none of the model's whole numbers.
    """
    norm = settings.threat.norm or Norm.LINF
    eps = DEFAULT_EPS[norm] if settings.threat.eps is None else settings.threat.eps
    require_radius(norm, eps)
    bits, grid = settings.threat.image_bits, facts.grid
    if bits is not None and grid is not None:
        # Either these pixels are whole numbers of the input, or its whole numbers are such pixels.
        steps = 2**bits - 1
        if any(fine % coarse for fine, coarse in ((max(steps, own), min(steps, own)) for own in grid.steps)):
            raise UsageError(
                f"image-bits: {bits}-bit pixels fall between the whole numbers of this input ({grid.kind}, "
                f"{grid.values:,} of them); leave it out: those are already the grid"
            )
    return Threat(norm, eps, facts.box, bits, grid)


def plan_of(opened: Opened, transfer: bool, policy: Policy) -> AuditPlan:
    """The plan of an audit with the settings' attack as the ordinary one."""
    settings = opened.settings
    ordinary = Pgd(
        steps=settings.attack.steps or DEFAULT_STEPS,
        step_size=settings.attack.step_size,
        restarts=settings.attack.restarts or 1,
    )
    return AuditPlan(
        threat=opened.threat,
        ordinary=ordinary,
        features=opened.sample.images[0].numel(),
        quantized=bool(opened.target.facts.quantizers),
        seed=opened.seed,
        batch_size=opened.batch_size,
        declared=Declared(settings.declared.clean_accuracy, settings.declared.adversarial_accuracy),
        transfer=transfer,
        effort=settings.audit.effort or Effort.STANDARD,
        draws=settings.attack.queries,
        all_images=bool(settings.audit.all_images),
        policy=policy,
    )


def substitute_maker(opened: Opened, told: Callable[[str], None] | None = None) -> Callable[[Target], Target]:
    """How the transfer check gets its substitute: the model that the settings name, or one trained to imitate the audited one.

    told: of a substitute that is read from the user's cache, where it was kept by an earlier run, and not trained.
    """
    settings, seed = opened.settings, opened.seed

    def imitated(target: Target) -> Target:
        pool = take_pool(opened.source, target.facts, opened.sample.ids, POOL, seed)
        images = torch.cat([opened.sample.images, pool.to(opened.sample.images.dtype)])
        return imitate(target, images, seed, "" if settings.run.no_cache else _answering(target, settings), told)

    model = settings.substitute.model
    if model is None:
        return imitated
    own = _with_architecture_of(model, replace_architecture(settings))
    target = open_target(model, own, opened.source)
    if target.facts.num_classes != opened.target.facts.num_classes:
        raise ModelError(
            f"{model}: a substitute needs the model's {opened.target.facts.num_classes} classes, "
            f"this one has {target.facts.num_classes}"
        )
    if target.facts.box != opened.target.facts.box:
        target = open_target(model, _in_range(own, target, opened.target.facts.box), opened.source)
    return lambda _: target


def _with_architecture_of(model: str | Path, settings: Settings) -> Settings:
    """The settings with the architecture that the substitute's own card names: a checkpoint is not to be opened without."""
    path = Path(model)
    if path.suffix in ONNX_SUFFIXES or not path.with_suffix(".toml").is_file():
        return settings
    return settings.model_copy(update={"architecture": settings_for(path, Settings(), path.parent).architecture})


def _answering(target: Target, settings: Settings) -> str:
    """All that the deployed model's answers depend on; empty where files do not say it: networks made by code."""
    facts, architecture = target.facts, settings.architecture
    by_code = architecture.name is not None and names_code(architecture.name)
    if not facts.file_sha256 or (by_code and facts.format is not ModelFormat.ONNX):
        return ""
    # The metadata have the digests of the files beside an ONNX file.
    parts = (facts.sha256, facts.metadata, facts.runtime, facts.num_classes, facts.box, facts.grid, target.prepare)
    return repr((parts, settings.preprocessing, architecture))


def _in_range(settings: Settings, target: Target, box: Box) -> Settings:
    """The settings under which `target` takes images in `box` and sees the same: its float twin's 0..1 for 0..255."""
    own, scale = target.facts.box, box.width / target.facts.box.width
    return _with_preprocessing(
        settings,
        input_range=box,
        mean=tuple(box.low + (mean - own.low) * scale for mean in target.prepare.mean or (0.0,)),
        std=tuple(std * scale for std in target.prepare.std or (1.0,)),
    )


def replace_architecture(settings: Settings) -> Settings:
    """The same settings without the audited model's architecture, output and input, which are not the substitute's."""
    own = settings.model_copy(update={"architecture": type(settings.architecture)()})
    return _with_preprocessing(own, output_name=None, input_shape=None)
