"""What a card, `bnnaudit.toml` and the flags can say: one schema, every key of it optional."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, StrictBool, StrictInt, StrictStr, model_validator

from bnnaudit.config.kinds import (
    AtLeastOne,
    BudgetText,
    DeviceText,
    FilledText,
    Fraction,
    Length,
    PathText,
    PerChannel,
    PositiveLength,
    PositivePerChannel,
    Queries,
    Range,
    Restarts,
    SourceText,
    Steps,
    SurrogateText,
    Table,
    Temperature,
    choice,
    key,
)
from bnnaudit.config.policy import PolicyTable
from bnnaudit.core.attack import LossKind, Method
from bnnaudit.core.effort import Effort
from bnnaudit.core.facts import ChannelOrder, Layout
from bnnaudit.core.limits import LARGEST_SEED, MOST_GRADIENTS, MOST_THREADS
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.threat import IMAGE_BITS, Norm


class DataTable(Table):
    """[data]: what to audit on."""

    source: SourceText | None = key(
        "An .npz file with x and y, a folder or .zip with a folder for each class, or a torchvision name such as CIFAR10."
    )
    root: PathText | None = key("Folder where torchvision keeps its data sets.")
    samples: AtLeastOne | None = key("Number of images to draw (300).")
    seed: Annotated[StrictInt, Field(ge=0, le=LARGEST_SEED)] | None = key("Seed of the sample and of the attacks (0).")


class PreprocessingTable(Table):
    """[preprocessing]: the range that the network takes, its normalisation in units of that range, its layout and colours."""

    input_range: Range | None = key("Lowest and highest value that the network takes for a pixel, such as [0, 255].")
    mean: PerChannel | None = key("What is subtracted from each channel, in units of the input range.")
    std: PositivePerChannel | None = key("What each channel is divided by, in units of the input range.")
    layout: Annotated[Layout | None, *choice(Layout, "auto")] = key(
        "Order of the axes of the network's input, or of images that are flattened for it (auto)."
    )
    output_name: StrictStr | None = key("The output that holds the scores, of an ONNX file that has several.")
    channels: Annotated[ChannelOrder | None, *choice(ChannelOrder)] = key("Order of the colour channels (rgb).")
    input_shape: Annotated[tuple[AtLeastOne, ...], Field(min_length=1, max_length=3)] | None = key(
        "The input's sizes after the batch in the network's own order, for an ONNX file that leaves them open, or a checkpoint."
    )

    @model_validator(mode="after")
    def _same_channels(self) -> Self:
        if self.mean and self.std and len(self.mean) != len(self.std) and 1 not in (len(self.mean), len(self.std)):
            raise ValueError(f"mean has {len(self.mean)} values, std {len(self.std)}; give one for each channel")
        return self

    def resolved(self) -> Preprocessing:
        """The preprocessing with defaults where nothing is said."""
        return Preprocessing(
            self.input_range,
            self.mean or (),
            self.std or (),
            self.layout,
            self.output_name,
            self.channels or ChannelOrder.RGB,
            self.input_shape,
        )


class ThreatTable(Table):
    """[threat]: what an adversary may change."""

    norm: Annotated[Norm | None, *choice(Norm)] = key("Norm of the perturbation (linf).")
    eps: Length | None = key("Radius in units of the [0,1] image: '8/255', '8px' or 0.03 ('8/255', for l2 '120/255').")
    image_bits: Annotated[StrictInt, Field(ge=IMAGE_BITS[0], le=IMAGE_BITS[1])] | None = key(
        "Count only images that pixels of so many bits can store, such as 8 for PNG."
    )


class AttackTable(Table):
    """[attack]: settings of the attacks."""

    method: Annotated[Method | None, *choice(Method)] = key("The method of `bnnaudit attack` (pgd).")
    steps: Steps | None = key("Number of steps (20).")
    step_size: PositiveLength | None = key("Step size in units of the [0,1] image (a quarter of eps).")
    restarts: Restarts | None = key("Number of random restarts (1).")
    beta: Temperature | None = key("Temperature of the logits: a number, or a rule such as 'njs', 'hns' or 'tracked'.")
    surrogate: SurrogateText | None = key("Gradient of sign and round, as KIND[:WIDTH[..END][:UNIT]] ('identity').")
    loss: Annotated[LossKind | None, *choice(LossKind)] = key("Loss that the attack maximises (ce).")
    targets: AtLeastOne | None = key("Number of classes that a targeted loss tries (9).")
    queries: Queries | None = key("Forward passes for each image of attacks that only ask the network.")
    budget: BudgetText | None = key("What auto may spend: gradients for each image (500), or seconds in all ('30s').")

    @model_validator(mode="after")
    def _ends(self) -> Self:
        gradients = (self.steps or 1) * (self.restarts or 1)
        if gradients > MOST_GRADIENTS:
            raise ValueError(
                f"steps times restarts are {gradients:,} gradients for each image, which would not end today; give fewer"
            )
        return self


class DeclaredTable(Table):
    """[declared]: the accuracies that the model's maker states, as fractions."""

    clean_accuracy: Fraction | None = key("Accuracy without attack that the model's maker states.")
    adversarial_accuracy: Fraction | None = key("Accuracy under attack that the model's maker states.")


class ArchitectureTable(Table):
    """[architecture]: the network that a checkpoint is loaded into."""

    name: StrictStr | None = key(
        "A built-in network (cnn, densenet121, lenet, mlp, mobilenet_v2, resnet18, resnet50, vgg16), or package.module:callable."
    )
    options: dict[str, Any] | None = key("Arguments of the network's builder.")
    input_shape: Annotated[tuple[AtLeastOne, ...], Field(min_length=1)] | None = key(
        "Shape of one input without the batch; input_shape of [preprocessing] comes before it."
    )


class TrainingTable(Table):
    """[training]: what the network is and how it was trained; `reproduce` chooses by it the rows that a network belongs to."""

    data: FilledText | None = key(
        "What it was trained on, as papers name it: 'CIFAR-10', 'CIFAR-10 (JPEG copy)', 'CIFAR-100', 'MNIST', 'digits'."
    )
    architecture: FilledText | None = key("Its architecture: 'resnet18', 'vgg16', 'mlp', 'cnn', ...")
    width: AtLeastOne | None = key(
        "Channels of its first layer (units, for an MLP), where they are not its architecture's own."
    )
    kind: FilledText | None = key(
        "What is quantized: 'REF' (nothing), 'BNN-WQ' (weights to one bit), 'BNN-WAQ' (activations too), or other words."
    )
    binarizer: FilledText | None = key("How weights were made binary: 'bc', 'gd-tanh', 'md-tanh-s' or 'ste'.")
    adversarial: StrictBool | None = key("Whether it was trained on adversarial images (false).")
    recipe: FilledText | None = key("The recipe that it was trained by.")
    seed: Annotated[StrictInt, Field(ge=0, le=LARGEST_SEED)] | None = key("Seed of the training.")


class SubstituteTable(Table):
    """[substitute]: another model, whose adversarial images are tried on this one."""

    model: PathText | None = key("Its file.")


class AuditTable(Table):
    """[audit]: how much an audit may cost."""

    effort: Annotated[Effort | None, *choice(Effort)] = key("Which checks run, and at what cost (standard).")
    all_images: StrictBool | None = key("Attack the whole sample even where the verdict is decided before (false).")


class DeploymentTable(Table):
    """[deployment]: how the model is run where it is used."""

    serve_as: Annotated[ServeAs | None, *choice(ServeAs)] = key(
        "Which sessions of ONNX Runtime count as the deployed model (any)."
    )


class RunTable(Table):
    """[run]: how to compute, which changes no result but for the last bits of sums."""

    device: DeviceText | None = key("Where to compute: auto, cpu, cuda or cuda:N (auto).")
    batch_size: AtLeastOne | None = key("Images in a batch (as many as memory allows).")
    threads: Annotated[StrictInt, Field(ge=1, le=MOST_THREADS)] | None = key("Number of threads (the fastest number).")
    no_cache: StrictBool | None = key("Train the substitute anew, and keep it for no later run (false).")


class Settings(Table):
    """Everything a card or settings file can say; None (or an empty table) where it says nothing."""

    description: StrictStr | None = key("What the model is, for people.")
    data: DataTable = DataTable()
    preprocessing: PreprocessingTable = PreprocessingTable()
    threat: ThreatTable = ThreatTable()
    attack: AttackTable = AttackTable()
    declared: DeclaredTable = DeclaredTable()
    architecture: ArchitectureTable = ArchitectureTable()
    training: TrainingTable = TrainingTable()
    substitute: SubstituteTable = SubstituteTable()
    audit: AuditTable = AuditTable()
    deployment: DeploymentTable = DeploymentTable()
    run: RunTable = RunTable()
    policy: PolicyTable = PolicyTable()
