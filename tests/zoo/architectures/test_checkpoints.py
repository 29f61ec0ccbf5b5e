"""Checkpoints of the networks for small images are read back as they are, without recording their operators."""

from pathlib import Path

import pytest
import torch

from bnnaudit.core.facts import Differentiation
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.models.checkpoint.load import load_checkpoint
from bnnaudit.quantization.layers import deploy
from bnnaudit.quantization.quantizers import named_quantizers
from bnnaudit.zoo.architectures import ARCHITECTURES
from bnnaudit.zoo.train.export import safetensors_bytes

SURROGATE = Surrogate.usual(SurrogateKind.TRIANGULAR, 0.35)


@pytest.mark.parametrize("name", ["densenet121", "mobilenet_v2", "resnet18", "resnet50", "vgg16"])
@pytest.mark.parametrize(("kind", "bits"), [("binary", 1), ("uniform4", 4)])
def test_read_back(name: str, kind: str, bits: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    options = {"width": 4, "weights": kind, "activations": kind}
    trained, path = ARCHITECTURES[name](**options), tmp_path / "weights.safetensors"
    trained(torch.rand(8, 3, 32, 32))
    path.write_bytes(safetensors_bytes(deploy(trained).state_dict(), False))
    target = load_checkpoint(
        path, ARCHITECTURES[name](**options), (3, 32, 32), Preprocessing(), SURROGATE, torch.device("cpu")
    )
    facts = target.facts
    assert facts.gradients is not None
    assert facts.gradients.source is Differentiation.MODULES
    assert (facts.weight_bits, facts.activation_bits) == (bits, bits)
    assert {step.surrogate for _, step in named_quantizers(target.network)} == {SURROGATE}
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1)).requires_grad_()
    logits = target.logits(images)
    torch.testing.assert_close(logits, trained.eval()(images), rtol=1e-4, atol=1e-4)
    (gradient,) = torch.autograd.grad(logits.logsumexp(1).sum(), images)
    assert gradient.flatten(1).abs().amax(1).min() > 0
