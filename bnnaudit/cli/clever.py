"""`bnnaudit clever MODEL`: CLEVER scores, with and without a temperature."""

from __future__ import annotations

from typing import Annotated

from bnnaudit.cli import options
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.delivery import failing_into_files, write
from bnnaudit.cli.session import open_model, prepare_opened, provenance, running, settle
from bnnaudit.cli.values import Count, PositiveLength, whole
from bnnaudit.core.attack import Beta
from bnnaudit.core.clever import Ball, CleverSettings, usual_radii
from bnnaudit.core.surrogate import Surrogate

RULES = ("none", "njs", "hns")


class CleverOptions(Options, panel="Scores"):
    """What is estimated, and how."""

    betas: list[Beta] | None = option("Temperature rule or number; can be repeated.", ", ".join(RULES), flags="--beta")
    surrogate: Surrogate | None = option("Gradient of sign and round.", "identity")
    batches: Annotated[int, whole(5)] = option("Number of maxima to fit.", value=50)
    draws: Count = option("Number of points per maximum.", value=20)
    targets: Count = option("Number of other classes to consider, the most likely first.", value=3)
    radius_l1: PositiveLength | None = option(
        "Radius of the L1 ball in units of the [0,1] image.", "0.05 per pixel and channel"
    )
    radius_l2: PositiveLength | None = option("Radius of the L2 ball.", "sqrt(pixels * channels / 300)")
    radius_linf: PositiveLength | None = option("Radius of the L-inf ball.", "0.1")

    def settings(self, features: int, classes: int) -> CleverSettings:
        """The settings for images of so many numbers and a network of so many classes."""
        usual = usual_radii(features)
        return CleverSettings(
            betas=tuple(self.betas or map(Beta.parse, RULES)),
            batches=self.batches,
            draws=self.draws,
            targets=min(self.targets, classes - 1),
            radii={ball: getattr(self, f"radius_{ball}") or usual[ball] for ball in Ball},
        )


@command(
    "bnnaudit clever model.onnx --data images.npz", "bnnaudit clever model.onnx --beta none --beta hns --samples 20"
)
def clever(
    model: options.ModelPath,
    network: options.Deployed,
    data: options.FewerImages,
    scores: CleverOptions,
    run: options.Run,
    output: options.Output,
) -> int:
    """Estimate the distance from each image to MODEL's nearest adversarial image, from the gradients around the image.

    The scores are meant as lower bounds, but rest on the very gradients that a temperature brings back: where they fall
    with njs or hns, they were too high without it.
    """
    with failing_into_files(output, str(model), provenance()):
        opened = open_model(model, settle(model, network, data, run, output), output)
        from bnnaudit.auditing.clever import run_clever

        wanted = scores.settings(opened.sample.images[0].numel(), opened.target.facts.num_classes)
        with running(opened, output, "CLEVER scores", len(opened.sample.ids) * len(Ball)) as progress:
            surrogate = scores.surrogate or Surrogate()
            report = run_clever(prepare_opened(opened), wanted, surrogate, provenance(), progress.advance)
    return write(report, output)
