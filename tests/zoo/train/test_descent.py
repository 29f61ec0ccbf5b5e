import torch

from bnnaudit.zoo.train.descent import learning_rate, shifted
from bnnaudit.zoo.train.recipes import Schedule, TrainingTable


def test_the_cosine_falls_from_the_rate_to_nothing() -> None:
    plan = TrainingTable(epochs=1, learning_rate=0.4)
    rates = [learning_rate(plan, done) for done in (0.0, 1 / 3, 0.5, 1.0)]
    torch.testing.assert_close(torch.tensor(rates), torch.tensor([0.4, 0.3, 0.2, 0.0]))


def test_a_constant_rate() -> None:
    assert learning_rate(TrainingTable(epochs=1, learning_rate=0.4, schedule=Schedule.CONSTANT), 0.9) == 0.4


def test_shifts_stay_in_reach_and_are_black_beyond_the_border() -> None:
    images = torch.zeros(400, 1, 5, 5)
    images[:, :, 2, 2] = 1.0
    moved = shifted(images, 1, torch.Generator().manual_seed(0))
    places = moved.sum(dim=(0, 1))
    assert (moved.sum(dim=(1, 2, 3)) == 1).all()
    assert (places[1:4, 1:4] > 400 / 9 / 2).all()
    assert places[1:4, 1:4].sum() == 400


def test_no_shift_leaves_the_images() -> None:
    images = torch.rand(3, 1, 4, 4)
    assert shifted(images, 0, torch.Generator()) is images
