"""`bnnaudit attack MODEL`: one attack, replayed on the deployed model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bnnaudit.cli import options
from bnnaudit.cli.streams import check_output, deliver_with, waiting
from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Curvature, Method
from bnnaudit.core.errors import UsageError
from bnnaudit.core.surrogate import Surrogate, SurrogateKind

METHODS = [name for method in Method for name in ((str(method), f"{method}++") if method.climbs else (str(method),))]


@click.command("attack", short_help="Run one attack.")
@options.model_argument
@options.data_options
@click.option(
    "--method", type=click.Choice(METHODS), help="With ++ the attack scales the logits by --beta.  [default: pgd]"
)
@options.attack_options
@options.threat_options
@options.model_options
@click.option("--save", type=options.PATH, metavar="FILE.npz", help="Write the adversarial images and predictions.")
@options.run_options
@options.output_options
def command(model: Path, method: str | None, save: Path | None, **values: Any) -> int:
    """Attack MODEL on a sample of images and print what is left after replay on the deployed model.

    --beta defaults to none, for methods with ++ to tracked; --surrogate to identity, for pgd++ to triangular.
    """
    check_output(values["output"])
    with waiting("loading", values["quiet"]):
        from bnnaudit.attacks import image_steps
        from bnnaudit.cli.progress import ProgressBar
        from bnnaudit.cli.saving import check_can_save, save_adversarial
        from bnnaudit.cli.stamp import stamp
        from bnnaudit.engine.opening import DEFAULT_BATCH, open_model_and_data, threat_of
        from bnnaudit.engine.single import run_single
        from bnnaudit.loaders.card import parse_settings, settings_for
        from bnnaudit.reports import ReportFormat, render

        if save is not None:
            check_can_save(save)
        flags = parse_settings(options.nested_flags(values), "command line")
        settings = settings_for(model, flags, Path.cwd(), values["card"])
        table = settings.attack
        attack = attack_settings(
            method or str(table.method or Method.PGD),
            table.beta,
            table.surrogate,
            **table.chosen("steps", "step_size", "restarts", "loss", "targets", "queries", "budget"),
            **options.attack_flags(values),
        )
        opened = open_model_and_data(model, settings)
    seed, batch_size = settings.data.seed or 0, settings.run.batch_size or DEFAULT_BATCH
    with ProgressBar(values["quiet"]) as progress:
        progress.plan(len(opened.sample.ids) * image_steps(attack))
        progress.task(attack.name)
        report, adversarial = run_single(
            opened.target, opened.sample, attack, threat_of(settings), seed, batch_size, stamp(), progress.advance
        )
    if save is not None:
        save_adversarial(save, adversarial, opened.target.facts)
    kind = ReportFormat(values["format_name"])
    deliver_with(
        lambda page: render(report, kind, width=page.width, color=page.color, ascii=page.ascii), values["output"]
    )
    return 0


def attack_settings(
    method: str, beta: Beta | None, surrogate: Surrogate | None, curvature: Curvature | None = None, **rest: Any
) -> AttackSettings:
    """The settings behind `--method pgd++ --beta hns` and the like; raises UsageError where the two contradict."""
    name, plus, _ = method.partition("++")
    if beta is None:
        beta = Beta(BetaRule.TRACKED if curvature is None else BetaRule.HNS) if plus else Beta()
    elif plus and beta.rule is BetaRule.NONE:
        raise UsageError(f"beta: {method} needs a temperature; use --method {name}, or another --beta")
    if curvature is not None:
        if beta.rule is not BetaRule.HNS:
            raise UsageError(f"curvature: only hns looks at the Hessian in this way, not {beta}; leave --curvature out")
        beta = replace(beta, curvature=curvature)
    if surrogate is None:
        # One large step crosses thresholds far from where the network is; many small ones meet them one by one.
        follows = name == Method.PGD and beta.rule is not BetaRule.NONE
        kind = SurrogateKind.TRIANGULAR if follows else SurrogateKind.IDENTITY
        surrogate = Surrogate.usual(kind)
    if name == Method.FGSM:
        rest["steps"] = 1
    return AttackSettings(method=Method(name), beta=beta, surrogate=surrogate, **rest)
