"""What is said while a network trains: on terminals of 80 columns and more, and in a log."""

from __future__ import annotations

from io import StringIO

import pytest
import torch
from rich.console import Console
from rich.progress import Progress, TextColumn
from torch import nn

from bnnaudit.cli import interrupts, training_words
from bnnaudit.cli.progress import ProgressBar, ProgressLines
from bnnaudit.cli.training_words import TrainingShown
from bnnaudit.zoo.train.state import Figures, State

LONGEST = "epoch 112/120, loss 0.25, train 93.8 %, test 96.9 %"


@pytest.fixture(autouse=True)
def signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals are left as they are, and every step is told."""
    monkeypatch.setattr(interrupts, "hold", lambda: None)
    monkeypatch.setattr(training_words, "BETWEEN", 0.0)


def state() -> State:
    """In the middle of an epoch: 15 of 16 answers right, losses of 4.0 together; and the figures of the epoch before."""
    network = nn.Linear(1, 1)
    made = State(network, torch.optim.SGD(network.parameters(), 0.1), torch.Generator(), epoch=111)
    made.count(torch.tensor(0.25), torch.arange(16) > 0)
    made.figures.append(Figures(111, 0.3, 0.9, 0.969, None, 0.1, 1.0))
    return made


def test_a_log_says_where_it_is_how_good_and_how_long_it_takes() -> None:
    lines = ProgressLines(iter([0.0, 30.0]).__next__)
    shown = TrainingShown(120, lines)
    shown.decoded(1500, 1797)
    assert lines.line() == "bnnaudit: 1,500 of 1,797 pictures read"
    shown.planned(4)
    shown.stepped(state())
    assert lines.line() == f"bnnaudit: {LONGEST}, 25 %, about 2 min left"


def test_the_first_epoch_has_no_test_accuracy_yet() -> None:
    lines = ProgressLines()
    begun = state()
    begun.epoch = 0
    begun.figures.clear()
    TrainingShown(120, lines).stepped(begun)
    assert lines.doing == "epoch 1/120, loss 0.25, train 93.8 %"


@pytest.mark.parametrize(("columns", "task"), [(80, LONGEST), (120, LONGEST + ", and more")])
def test_a_bar_leaves_room_for_all_of_it(columns: int, task: str) -> None:
    written = StringIO()
    console = Console(file=written, width=columns, force_terminal=True)
    bar = Progress(TextColumn("{task.description}"), console=console)
    only = bar.add_task("starting", total=None)
    ProgressBar(bar, only).task(task + " " + 200 * "x")
    description = bar.tasks[0].description
    assert description.startswith(task)
    assert len(description) == columns - 28
