"""Trains a network: shuffled batches, augmentation or adversarial images, steps of an optimizer."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, assert_never

import torch
from torch import Tensor, nn

from bnnaudit.core.batch import Batch
from bnnaudit.core.errors import UsageError
from bnnaudit.quantization.binarizers import BetaSchedule
from bnnaudit.quantization.weight_training import after_step, anneal
from bnnaudit.zoo.train.adversarial import adversarial_images
from bnnaudit.zoo.train.arithmetic import Arithmetic, Prepared
from bnnaudit.zoo.train.batches import Batches
from bnnaudit.zoo.train.determinism import round_weights
from bnnaudit.zoo.train.final_form import clean_accuracy, deployed
from bnnaudit.zoo.train.images import Split
from bnnaudit.zoo.train.schedule import learning_rate
from bnnaudit.zoo.train.state import Best, Figures, State
from bnnaudit.zoo.train.tables import Decayed, Optimizer, TrainingPlan, TrainingTable


class Listener(Protocol):
    """Follows a training; it may end it between two steps by raising an exception."""

    def planned(self, steps: int) -> None:
        """Before the first step: how many are left."""
        ...

    def stepped(self, state: State) -> None:
        """After each step."""
        ...

    def judged(self, state: State) -> None:
        """After each epoch, whose figures are the last of the state's."""
        ...


@dataclass(frozen=True, slots=True)
class Course:
    """What stays the same from the first step to the last.

    teacher: logits (N, classes) of images in [0, 1]; None without distillation.
    """

    recipe: TrainingPlan
    split: Split
    arithmetic: Arithmetic
    teacher: Callable[[Tensor], Tensor] | None = None

    @property
    def sizes(self) -> list[int]:
        """Images in each batch of an epoch; a last batch of one is left out, for batch normalisation has no variance for it."""
        whole, rest = divmod(len(self.split.train), self.recipe.training.batch_size)
        return [self.recipe.training.batch_size] * whole + ([rest] if rest > 1 else [])


def starting_state(network: nn.Module, course: Course) -> State:
    """The state before the first step; all randomness comes from the recipe's seed."""
    network = course.arithmetic.placed(network)
    round_weights(network)
    plan = course.recipe.training
    optimizer = _optimizer(network, plan, fused=course.arithmetic.device.type == "cuda")
    return State(network, optimizer, torch.Generator().manual_seed(course.recipe.seed))


def descend(state: State, course: Course, listener: Listener) -> None:
    """Trains the state's network in place until its last epoch, or until early ending."""
    plan, sizes = course.recipe.training, course.sizes
    batches = Batches(course.split.train, plan, course.arithmetic)
    listener.planned((plan.epochs - state.epoch) * len(sizes) - state.batch)
    while state.epoch < plan.epochs and not _ends_early(state, plan):
        if state.batch == 0:
            state.order = torch.randperm(len(course.split.train), generator=state.generator)
            state.begin_epoch()
        for index in range(state.batch, len(sizes)):
            started = time.monotonic()
            first = sum(sizes[:index])
            batch = batches.batch(state.order[first : first + sizes[index]], state.generator)
            _step(state, course, batch, (state.epoch + index / len(sizes)) / plan.epochs)
            state.batch = index + 1
            state.seconds += time.monotonic() - started
            listener.stepped(state)
        _judge(state, course)
        listener.judged(state)


def _optimizer(network: nn.Module, plan: TrainingTable, fused: bool) -> torch.optim.Optimizer:
    """fused: in a few kernels for all weights, where many small ones would leave a GPU idle."""
    groups = _groups(network, plan)
    match plan.optimizer:
        case Optimizer.ADAM:
            return torch.optim.Adam(groups, plan.learning_rate, fused=fused)
        case Optimizer.ADAMW:
            return torch.optim.AdamW(groups, plan.learning_rate, fused=fused)
        case Optimizer.SGD:
            return torch.optim.SGD(groups, plan.learning_rate, momentum=plan.momentum, fused=fused)
        case _:
            assert_never(plan.optimizer)


def _groups(network: nn.Module, plan: TrainingTable) -> list[dict[str, object]]:
    """The parameters in groups, those without weight decay apart: biases, learned steps, scales and offsets of normalisations."""
    parameters = list(network.parameters())
    if plan.decayed is Decayed.ALL:
        return [{"params": parameters, "weight_decay": plan.weight_decay}]
    weights = [parameter for parameter in parameters if parameter.dim() > 1]
    others = [parameter for parameter in parameters if parameter.dim() <= 1]
    return [{"params": weights, "weight_decay": plan.weight_decay}, {"params": others, "weight_decay": 0.0}]


def _step(state: State, course: Course, batch: Batch, done: float) -> None:
    """One step on the batch, when the fraction `done` of all steps has been taken; nothing in it waits for a GPU."""
    recipe, plan, arithmetic, network = course.recipe, course.recipe.training, course.arithmetic, state.network
    state.rate = learning_rate(plan, done)
    for group in state.optimizer.param_groups:
        group["lr"] = state.rate
    anneal(network, done, BetaSchedule(recipe.binarizer.beta_start, recipe.binarizer.beta_end))
    whole = Prepared(network, arithmetic, recipe.data.mean, recipe.data.std)
    if recipe.adversarial is not None:
        share = min(1.0, (state.epoch + 1) / (recipe.adversarial.warmup + 1))
        seed = recipe.seed * plan.epochs + state.epoch
        images = adversarial_images(whole, batch, recipe.adversarial, share, seed)
        batch = replace(batch, images=images.detach())
    network.train()
    state.optimizer.zero_grad()
    scores = whole(batch.images)
    loss = _loss(scores, batch, course)
    loss.backward()  # type: ignore[no-untyped-call]
    state.optimizer.step()
    after_step(network)
    round_weights(network)
    state.count(loss.detach(), scores.detach().argmax(dim=1) == batch.labels)


def _loss(scores: Tensor, batch: Batch, course: Course) -> Tensor:
    """The mean over the batch."""
    recipe = course.recipe
    loss = nn.functional.cross_entropy(scores, batch.labels, label_smoothing=recipe.training.label_smoothing)
    if course.teacher is None or recipe.distillation is None:
        return loss
    table = recipe.distillation
    with torch.no_grad():
        taught = course.teacher(batch.images)
    return (1 - table.weight) * loss + table.weight * distilled(scores, taught, table.temperature)


def distilled(scores: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """[Hinton et al. 2015]'s loss: T^2 KL(softmax(taught / T) || softmax(scores / T)), the mean over a batch (N, classes)."""
    wanted = torch.log_softmax(taught / temperature, dim=1)
    found = torch.log_softmax(scores / temperature, dim=1)
    return temperature**2 * nn.functional.kl_div(found, wanted, reduction="batchmean", log_target=True)


def _judge(state: State, course: Course) -> None:
    """Ends an epoch: its figures, and the best network so far where early ending is asked for."""
    started = time.monotonic()
    _require_numbers(state)
    final = deployed(state.network, course.split.train, course.recipe, course.arithmetic)
    test = clean_accuracy(final, course.split.test, course.recipe, course.arithmetic)
    validation = course.split.validation
    apart = None if validation is None else clean_accuracy(final, validation, course.recipe, course.arithmetic)
    seen = max(1, state.seen)
    state.epoch, state.batch = state.epoch + 1, 0
    seconds = state.seconds + time.monotonic() - started
    row = Figures(state.epoch, state.loss / seen, state.right / seen, test, apart, state.rate, round(seconds, 1))
    state.figures.append(row)
    if apart is not None and course.recipe.training.patience and (state.best is None or apart > state.best.accuracy):
        state.best = Best(state.epoch, apart, copy.deepcopy(state.network.state_dict()))


def _require_numbers(state: State) -> None:
    """Raises UsageError where the weights, or the losses that moved them, are infinite or no numbers any more."""
    tensors = [tensor for tensor in state.network.state_dict().values() if tensor.is_floating_point()]
    if not all(bool(torch.isfinite(tensor).all()) for tensor in (state.sums, *tensors)):
        raise UsageError(
            f"training: the weights are no finite numbers after epoch {state.epoch + 1}; train anew (--restart) with a smaller "
            "training.learning_rate, or look at the recipe's other numbers"
        )


def _ends_early(state: State, plan: TrainingTable) -> bool:
    return plan.patience is not None and state.best is not None and state.epoch - state.best.epoch >= plan.patience
