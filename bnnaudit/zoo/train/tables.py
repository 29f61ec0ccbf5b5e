"""The tables of a recipe: everything that decides what a network becomes in training."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    model_validator,
)

from bnnaudit.core.attack import Beta
from bnnaudit.core.device import parse_device
from bnnaudit.core.errors import UsageError
from bnnaudit.core.limits import LARGEST_COUNT, LARGEST_NUMBER, LARGEST_SEED, MOST_THREADS, SMALLEST_NUMBER
from bnnaudit.core.threat import Norm, parse_length
from bnnaudit.quantization.binarizers import BetaSchedule


class ExportFormat(StrEnum):
    """How a trained network is written; both hold the deployed form, whose binary weights are -1 and +1."""

    ONNX = "onnx"
    SAFETENSORS = "safetensors"


class OnnxForm(StrEnum):
    """How an ONNX file writes quantizers.

    standard: QuantizeLinear and DequantizeLinear, a comparison for a sign. qonnx: QONNX's Quant and BipolarQuant. int8: a float
    network quantized after training by ONNX Runtime's static quantizer, with int8 at both ends.
    """

    STANDARD = "standard"
    QONNX = "qonnx"
    INT8 = "int8"


class Optimizer(StrEnum):
    """What turns gradients into steps: Adam, AdamW, or SGD with momentum."""

    ADAM = "adam"
    ADAMW = "adamw"
    SGD = "sgd"


class Schedule(StrEnum):
    """How the learning rate changes from the first step to the last, once it has warmed up."""

    CONSTANT = "constant"
    COSINE = "cosine"
    STEPS = "steps"


class Decayed(StrEnum):
    """What the weight decay pulls towards zero: only the weights of convolutions and linear layers, or all parameters.

    With `all` these include the logarithms of learned steps, which it pulls towards a step of 1.
    """

    ALL = "all"
    WEIGHTS = "weights"


class Precision(StrEnum):
    """In what training computes. float64: the same figures on every processor. bfloat16: where torch's autocast allows it."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


def _as_length(value: object) -> object:
    """`8/255`, `8px` or a number, in units of the [0,1] image."""
    if not isinstance(value, str):
        return value
    try:
        return parse_length(value, "length")
    except UsageError as error:
        raise ValueError(str(error)) from None


def _known_device(text: str) -> str:
    try:
        return parse_device(text)
    except UsageError as error:
        raise ValueError(str(error)) from None


def _known_beta(text: str) -> str:
    try:
        Beta.parse(text)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return text


AtLeastOne = Annotated[StrictInt, Field(ge=1, le=LARGEST_COUNT)]
Count = Annotated[StrictInt, Field(ge=0, le=LARGEST_COUNT)]
Seed = Annotated[StrictInt, Field(ge=0, le=LARGEST_SEED)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Mean = Annotated[float, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER, allow_inf_nan=False)]
Deviation = Annotated[float, Field(ge=SMALLEST_NUMBER, le=LARGEST_NUMBER, allow_inf_nan=False)]
Length = Annotated[Positive, BeforeValidator(_as_length)]
Share = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[StrictStr, Field(min_length=1, max_length=200)]


class _Table(BaseModel):
    """A table of the file: no key but its own, never changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ArchitectureTable(_Table):
    """[architecture]: a built-in name and the options of its builder."""

    name: StrictStr
    options: dict[str, Any] = {}


class DataTable(_Table):
    """[data]: what is trained on, and how it becomes the network's input.

    source: `digits`, a name of torchvision's, or a path; `name` is what the files call it. Where the data have no test images of
    their own, the last `held_out` of an order drawn from `seed` are never trained on. `validation` images more are set aside
    for early ending. images: how many training images are used, by default all. size: images are stretched to this height and
    width. mean, std: in units of the [0,1] image, one value for each channel or for all.
    """

    name: Name = "digits"
    source: Name = "digits"
    held_out: AtLeastOne = 597
    validation: Count = 0
    seed: Seed = 0
    images: AtLeastOne | None = None
    size: Annotated[tuple[AtLeastOne, AtLeastOne], Field()] | None = None
    mean: tuple[Mean, ...] = ()
    std: tuple[Deviation, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _named_by_source(cls, values: object) -> object:
        """Data are called by their source, a path's last part, unless they are named."""
        if isinstance(values, dict) and isinstance(source := values.get("source"), str):
            return {"name": Path(source).name or source, **values}
        if isinstance(values, dict) and "name" in values:
            return {"source": values["name"], **values}
        return values


class TrainingTable(_Table):
    """[training]: how the weights are moved.

    warmup: epochs over which the learning rate rises from zero. milestones: epochs (whole or not) after which `steps`
    multiplies it by `step_factor`. shift: images are moved at random by up to this many pixels each way, black beyond the border;
    flip: half of them are mirrored. patience: end after this many epochs without a better accuracy on the validation images, and
    keep the best. The result depends on `threads`.
    """

    epochs: AtLeastOne
    batch_size: Annotated[StrictInt, Field(ge=2, le=LARGEST_COUNT)] = 64
    optimizer: Optimizer = Optimizer.ADAMW
    learning_rate: Positive = 0.01
    momentum: Share = 0.9
    schedule: Schedule = Schedule.COSINE
    milestones: tuple[Positive, ...] = ()
    step_factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    warmup: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    decayed: Decayed = Decayed.ALL
    label_smoothing: Share = 0.0
    shift: Count = 0
    flip: bool = False
    patience: AtLeastOne | None = None
    precision: Precision = Precision.FLOAT64
    threads: Annotated[StrictInt, Field(ge=1, le=MOST_THREADS)] = 1
    device: Annotated[StrictStr, AfterValidator(_known_device)] = "cpu"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.schedule is Schedule.STEPS) != bool(self.milestones):
            raise ValueError("the schedule `steps` and milestones go together")
        if self.warmup >= self.epochs:
            raise ValueError("the warm-up takes all epochs")
        return self


class AdversarialTable(_Table):
    """[adversarial]: train on PGD's images instead ([Madry et al. 2018]); lengths in units of the [0,1] image.

    The radius grows to `eps` over the first `warmup` epochs. beta: the temperature on the logits, as `--beta` has it; with one
    the attack is PGD++.
    """

    norm: Norm = Norm.LINF
    eps: Length
    steps: AtLeastOne
    step_size: Length
    beta: Annotated[StrictStr, AfterValidator(_known_beta)] = "none"
    warmup: Count = 0


class BinarizerTable(_Table):
    """[binarizer]: beta of the annealed ones (`gd-tanh`, `md-tanh-s`) at the first step and at the last.

    A network that starts from trained weights starts with a beta at which these are nearly binary.
    """

    beta_start: Positive = BetaSchedule().start
    beta_end: Positive = BetaSchedule().end

    @model_validator(mode="after")
    def _grows(self) -> Self:
        BetaSchedule(self.beta_start, self.beta_end)
        return self


class DistillationTable(_Table):
    """[distillation]: learn from a trained network's scores as well ([Hinton et al. 2015]).

    teacher: its card. The loss is (1 - weight) of the labels' and weight of the teacher's at this temperature.
    """

    teacher: Name
    temperature: Positive = 4.0
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5


class StartTable(_Table):
    """[start]: begin with the weights of a trained network, a checkpoint of the same architecture."""

    weights: Name


class ExportTable(_Table):
    """[export]: what is written.

    onnx: the form of the ONNX file. packed: binary weights take one bit in safetensors, four in ONNX. half: float weights are
    rounded to float16, and take two bytes in safetensors. latent: the float weights that training moves as well.
    """

    formats: Annotated[tuple[ExportFormat, ...], Field(min_length=1)] = (ExportFormat.ONNX,)
    onnx: OnnxForm = OnnxForm.STANDARD
    packed: bool = False
    half: bool = False
    latent: bool = False

    @model_validator(mode="after")
    def _forms_agree(self) -> Self:
        if self.onnx is not OnnxForm.STANDARD and self.packed:
            raise ValueError(f"packed is for the standard form of ONNX, not for {self.onnx}")
        if self.onnx is OnnxForm.INT8 and self.formats != (ExportFormat.ONNX,):
            raise ValueError(
                'onnx = int8 goes with formats = ["onnx"] alone: a checkpoint would be of the float network'
            )
        return self


class CardTable(_Table):
    """[card]: the audit that the card asks for, within `eps` in units of the [0,1] image.

    data: what the card names as its data, by default a file of the test images, or the name of torchvision's data set. kind: REF,
    BNN-WQ, BNN-WAQ or another word, by default as the architecture's options say.
    """

    eps: Length
    norm: Norm = Norm.LINF
    samples: AtLeastOne = 300
    data: Name | None = None
    kind: Name | None = None


class TrainingPlan(_Table):
    """What training does with a network: all of a recipe that the descent depends on."""

    seed: Seed = 0
    data: DataTable = DataTable()
    training: TrainingTable
    binarizer: BinarizerTable = BinarizerTable()
    adversarial: AdversarialTable | None = None
    distillation: DistillationTable | None = None

    @model_validator(mode="after")
    def _early_ending_is_judged_apart(self) -> Self:
        if self.training.patience is not None and not self.data.validation:
            raise ValueError(
                "training.patience needs data.validation: images set aside to judge by, which are not the test's"
            )
        return self


class Recipe(TrainingPlan):
    """A whole recipe. `name` is that of the files that it makes."""

    name: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    description: StrictStr
    architecture: ArchitectureTable
    start: StartTable | None = None
    export: ExportTable = ExportTable()
    card: CardTable

    @model_validator(mode="after")
    def _int8_is_made_of_floats(self) -> Self:
        options = self.architecture.options
        kept = options.get("weights", "float") == "float" and options.get("activations", "relu") == "relu"
        if self.export.onnx is OnnxForm.INT8 and not (kept and not self.data.mean and not self.data.std):
            raise ValueError(
                "export.onnx = int8 quantizes a float network that takes pixels: weights = float, activations = relu, and "
                "neither data.mean nor data.std"
            )
        return self

    @model_validator(mode="after")
    def _half_is_of_floats(self) -> Self:
        if self.export.half and self.architecture.options.get("weights", "float") != "float":
            raise ValueError("export.half rounds float weights; others are on a grid, and take fewer bits as they are")
        return self
