"""A substitute that is a checkpoint is opened by its own card."""

from collections.abc import Callable

from tests.cli.conftest import Ran
from tests.paths import SAMPLE_MODELS


def test_its_architecture_is_that_of_its_card(bnnaudit: Callable[..., Ran]) -> None:
    model, substitute = SAMPLE_MODELS / "digits-bnn-waq.onnx", SAMPLE_MODELS / "digits-bnn-wq-bc.safetensors"
    ran = bnnaudit("attack", model, "--method", "transfer", "--substitute", substitute, "--samples", "20", "-q")
    assert ran.code == 0
    assert "digits-bnn-wq-bc.safetensors has an accuracy of" in " ".join(ran.out.split())
