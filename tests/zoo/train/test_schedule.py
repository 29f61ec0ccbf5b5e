import pytest
import torch

from bnnaudit.zoo.train.schedule import learning_rate
from bnnaudit.zoo.train.tables import Schedule, TrainingTable


def rates(plan: TrainingTable, *done: float) -> list[float]:
    return [learning_rate(plan, part) for part in done]


def test_the_cosine_falls_from_the_rate_to_nothing() -> None:
    plan = TrainingTable(epochs=1, learning_rate=0.4)
    torch.testing.assert_close(rates(plan, 0.0, 1 / 3, 0.5, 1.0), [0.4, 0.3, 0.2, 0.0])


def test_a_constant_rate() -> None:
    assert learning_rate(TrainingTable(epochs=1, learning_rate=0.4, schedule=Schedule.CONSTANT), 0.9) == 0.4


def test_steps_divide_it_at_their_epochs() -> None:
    plan = TrainingTable(epochs=10, learning_rate=0.8, schedule=Schedule.STEPS, milestones=(5, 7.5), step_factor=0.5)
    assert rates(plan, 0.0, 0.49, 0.5, 0.74, 0.75, 1.0) == [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]


def test_a_warm_up_rises_from_nothing_and_the_schedule_follows() -> None:
    plan = TrainingTable(epochs=10, learning_rate=0.4, warmup=2)
    torch.testing.assert_close(rates(plan, 0.0, 0.1, 0.2, 0.6, 1.0), [0.0, 0.2, 0.4, 0.2, 0.0])


@pytest.mark.parametrize("table", [{"schedule": "steps"}, {"milestones": (1,)}, {"warmup": 3}])
def test_what_makes_no_schedule(table: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"go together|takes all epochs"):
        TrainingTable.model_validate({"epochs": 3, **table})
