"""`bnnaudit attack MODEL`: one attack, replayed on the deployed model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bnnaudit.cli import options
from bnnaudit.cli.attack_settings import METHODS, TRANSFER, attack_settings, refuse_unused
from bnnaudit.cli.streams import check_output, deliver_with, waiting
from bnnaudit.core.attack import Method
from bnnaudit.core.trial import Source, Trial


@click.command("attack", short_help="Run one attack.")
@options.model_argument
@options.data_options()
@click.option(
    "--method", type=click.Choice(METHODS), help="With ++ the attack scales the logits by --beta.  [default: pgd]"
)
@options.attack_options
@click.option(
    "--substitute",
    metavar="MODEL",
    help="Network that --method transfer attacks.  [default: a small float network trained on the spot]",
)
@options.threat_options
@options.model_options
@options.serving_option
@click.option("--save", type=options.PATH, metavar="FILE.npz", help="Write adversarial images and predictions.")
@options.run_options
@options.output_options
def command(model: Path, method: str | None, save: Path | None, **values: Any) -> int:
    """Attack MODEL on a sample of images and print what is left after replay on the deployed model.

    --beta defaults to none, for methods with ++ to tracked; --surrogate to identity, for pgd++ to tanh:4..0.5:reach.
    square and random look at the scores alone, hard-label at the class alone, --queries times. transfer is pgd on a
    substitute network, to which --steps, --beta and the rest apply, carried past the first success.
    """
    check_output(values["output"])
    with waiting("loading", values["quiet"]):
        from bnnaudit.audit.one_attack import run_single
        from bnnaudit.audit.open import open_model_and_data, substitute_maker, threat_of
        from bnnaudit.audit.threads import computing_with
        from bnnaudit.cli.progress import ProgressBar
        from bnnaudit.cli.saving import check_can_save, save_adversarial
        from bnnaudit.cli.stamp import stamp
        from bnnaudit.config.card import parse_settings, settings_for
        from bnnaudit.reports.table import ReportFormat, render

        if save is not None:
            check_can_save(save)
        flags = parse_settings(options.nested_flags(values), "command line")
        settings = settings_for(model, flags, Path.cwd(), values["card"])
        table = settings.attack
        name = method or str(table.method or Method.PGD)
        refuse_unused(name, values)
        attack = attack_settings(
            name,
            table.beta,
            table.surrogate,
            **table.chosen("steps", "step_size", "restarts", "loss", "targets", "queries", "budget"),
            **options.attack_flags(values),
        )
        opened = open_model_and_data(model, settings)
        source = Source.SUBSTITUTE if name == TRANSFER else Source.WHITE_BOX
        make_substitute = substitute_maker(opened) if source is Source.SUBSTITUTE else None
    seed, batch_size = settings.data.seed or 0, opened.batch_size
    threat = replace(threat_of(settings, opened.target.facts), l2_per_channel=values["l2_per_channel"])
    with ProgressBar(values["quiet"]) as progress, computing_with(opened.threads):
        progress.plan(len(opened.sample.ids) * attack.image_steps)
        progress.task(name)
        report, adversarial = run_single(
            opened.target,
            opened.sample,
            Trial(attack, threat, source),
            seed,
            batch_size,
            stamp(),
            progress.advance,
            make_substitute,
        )
    if save is not None:
        save_adversarial(save, adversarial, opened.target.facts, settings.threat.image_bits)
    kind = ReportFormat(values["format_name"])
    deliver_with(
        lambda page: render(report, kind, width=page.width, color=page.color, ascii=page.ascii), values["output"]
    )
    return 0
