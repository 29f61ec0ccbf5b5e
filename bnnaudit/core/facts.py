"""What a model file says about itself: everything `inspect` prints and a report needs, without the weights."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.scores import ScoreFacts
from bnnaudit.core.threat import Box, InputGrid

FLOAT_BITS = 32
"""Bits of what is not quantized."""


class ModelFormat(StrEnum):
    """How the audited network is stored."""

    ONNX = "onnx"
    SAFETENSORS = "safetensors"
    PYTORCH = "pytorch"
    MODULE = "module"
    """In memory, as a module of PyTorch that Python was given."""


class OutputKind(StrEnum):
    """What the deployed model returns; attacks always work on the logits before a softmax."""

    LOGITS = "logits"
    SOFTMAX = "softmax"
    LOG_SOFTMAX = "log-softmax"


class Layout(StrEnum):
    """Order of the network's input axes after the batch; FLAT is a vector, or an image flattened into one.

    An input of one axis may have NCHW or NHWC too: the order of the axes of the pictures that are flattened into it.
    """

    NCHW = "nchw"
    NHWC = "nhwc"
    FLAT = "flat"


class Differentiation(StrEnum):
    """Where the steps and the gradient of the copy that is attacked come from.

    graph: from the file's own graph. modules: from modules that are known. recorded: from the operators that the network's code
    runs. measured: from the values of its modules, where they cannot be recorded. code: from the code as written, where neither
    can be had; which steps are in it is not known.
    """

    GRAPH = "graph"
    MODULES = "modules"
    RECORDED = "recorded"
    MEASURED = "measured"
    CODE = "code"


class ChannelOrder(StrEnum):
    """Order in which the network takes the three colours; images are red, green, blue."""

    RGB = "rgb"
    BGR = "bgr"


@dataclass(frozen=True, slots=True)
class OperatorCount:
    """How often an operator occurs."""

    op: str
    count: int


@dataclass(frozen=True, slots=True)
class QuantizerFact:
    """One step that is not differentiable: where, what (`sign`, `round`, ...), its bits and its range where known."""

    name: str
    op: str
    bits: int | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class LayerBits:
    """How many layers (of weights), or steps (of activations), have so many bits."""

    bits: int
    layers: int


def layer_bits(bits: Iterable[int | None]) -> tuple[LayerBits, ...]:
    """Those that are known, counted, the fewest bits first."""
    counts = Counter(number for number in bits if number is not None)
    return tuple(LayerBits(number, counts[number]) for number in sorted(counts))


@dataclass(frozen=True, slots=True)
class GradientFacts:
    """How the copy that is attacked got its gradient.

    cuts: what in the code cuts gradients off and was passed over (`detach`, `no_grad`, `own backward`). dead_as_written:
    whether the code as written passes no gradient back to the image; dead: whether the copy passes none back either.
    unseen: operators at which the gradient still ends. why: the reason where the operators could not be recorded.
    """

    source: Differentiation = Differentiation.GRAPH
    cuts: tuple[OperatorCount, ...] = ()
    dead_as_written: bool = False
    dead: bool = False
    unseen: tuple[str, ...] = ()
    why: str = ""

    @property
    def complete(self) -> bool:
        """Whether every step of the network is known."""
        return self.source not in (Differentiation.MEASURED, Differentiation.CODE) and not self.unseen


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Facts about the audited model.

    `path` and `sha256` are the file's; of a module in memory its name, and the digest of its state dict.
    `input_shape` is the network's own, without the batch: (C, H, W), (H, W, C) or (features,). `fixed_batch` is the
    batch size that the file insists on, or None. `weight_layers`: the bits of each layer's weights. `unknown_steps`: whether
    operators may be steps that `quantizers` lacks. `grid`: the values that an input of whole numbers can have, None where it
    takes floats. `single` says how the only score of an image is read, of which two classes are made: as a `probability` or
    as a `logit`. `scores`: what attacks climb, where that is not the output.
    """

    path: str
    sha256: str
    format: ModelFormat
    num_classes: int
    input_shape: tuple[int, ...]
    layout: Layout
    box: Box
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    weight_layers: tuple[LayerBits, ...] = ()
    unknown_steps: bool = False
    quantizers: tuple[QuantizerFact, ...] = ()
    operators: tuple[OperatorCount, ...] = ()
    parameters: int = 0
    output: OutputKind = OutputKind.LOGITS
    fixed_batch: int | None = None
    runtime: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    single: str = ""
    scores: ScoreFacts | None = None
    gradients: GradientFacts = GradientFacts()
    grid: InputGrid | None = None
    channels: ChannelOrder = ChannelOrder.RGB

    @property
    def file_sha256(self) -> str:
        """The digest, where it is a file's; empty for a module in memory."""
        return "" if self.format is ModelFormat.MODULE else self.sha256

    @property
    def weight_bits(self) -> int | None:
        """The fewest bits of any layer's weights, `FLOAT_BITS` for floats; None where the file does not say."""
        return self.weight_layers[0].bits if self.weight_layers else None

    @property
    def activation_layers(self) -> tuple[LayerBits, ...]:
        """The bits of the steps, where they are known."""
        return layer_bits(quantizer.bits for quantizer in self.quantizers)

    @property
    def activation_bits(self) -> int | None:
        """The fewest bits of any step, `FLOAT_BITS` where there is no step; None where that is not known."""
        if self.activation_layers:
            return self.activation_layers[0].bits
        unknown = self.quantizers or self.unknown_steps or not self.gradients.complete
        return None if unknown else FLOAT_BITS

    @property
    def nondifferentiable(self) -> tuple[OperatorCount, ...]:
        """The quantizers counted by operator."""
        names = [quantizer.op for quantizer in self.quantizers]
        return tuple(OperatorCount(name, names.count(name)) for name in dict.fromkeys(names))
