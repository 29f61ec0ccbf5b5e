"""`bnnaudit clever MODEL`: CLEVER scores, with and without a temperature."""

from __future__ import annotations

from typing import Annotated

from bnnaudit.cli import values
from bnnaudit.cli.command import Option, Options, command
from bnnaudit.cli.exit_codes import PASSED
from bnnaudit.cli.options import DeployedOptions, FewerImages, ModelPath, OutputOptions, RunOptions
from bnnaudit.cli.session import open_session, provenance, settle, write
from bnnaudit.core.attack import Beta
from bnnaudit.core.clever import Ball, CleverSettings, usual_radii
from bnnaudit.core.surrogate import Surrogate

RULES = ("none", "njs", "hns")


class CleverOptions(Options, panel="Scores"):
    """What is estimated, and how."""

    betas: Annotated[
        list[Beta] | None,
        Option("Temperature rule or number; can be repeated.", values.BETA, ", ".join(RULES), flags="--beta"),
    ] = None
    surrogate: Annotated[Surrogate | None, Option("Gradient of sign and round.", values.SURROGATE, "identity")] = None
    batches: Annotated[int, Option("Number of maxima to fit.", values.whole(5))] = 50
    draws: Annotated[int, Option("Number of points per maximum.", values.whole())] = 20
    targets: Annotated[int, Option("Number of other classes to consider, the most likely first.", values.whole())] = 3
    radius_l1: Annotated[
        float | None, Option("Radius of the L1 ball in units of the [0,1] image.", values.LENGTH, "0.05 per pixel")
    ] = None
    radius_l2: Annotated[float | None, Option("Radius of the L2 ball.", values.LENGTH, "sqrt(pixels / 300)")] = None
    radius_linf: Annotated[float | None, Option("Radius of the L-inf ball.", values.LENGTH, "0.1")] = None

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
    model: ModelPath,
    network: DeployedOptions,
    data: FewerImages,
    scores: CleverOptions,
    run: RunOptions,
    output: OutputOptions,
) -> int:
    """Estimate how far the nearest adversarial image is from each image of MODEL, from the gradients around it.

    The scores are meant as lower bounds, but rest on the very gradients that a temperature brings back: where they fall
    with njs or hns, they were too high without it.
    """
    session = open_session(model, settle(model, network.card, network, data, run), output)
    from bnnaudit.audit.clever import run_clever

    opened = session.opened
    wanted = scores.settings(opened.sample.images[0].numel(), opened.target.facts.num_classes)
    with session.running("CLEVER scores", len(opened.sample.ids) * len(Ball)) as progress:
        surrogate = scores.surrogate or Surrogate()
        report = run_clever(session.prepared(), wanted, surrogate, provenance(), progress.advance)
    write(report, output)
    return PASSED
