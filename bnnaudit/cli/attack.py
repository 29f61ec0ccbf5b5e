"""`bnnaudit attack MODEL`: one attack, replayed on the deployed model."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from bnnaudit.cli import options, paths
from bnnaudit.cli.attack_settings import METHODS, TRANSFER
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.delivery import failing_into_files, write
from bnnaudit.cli.evidence import evidence_output
from bnnaudit.cli.session import open_model, prepare_opened, provenance, running, settle, settle_attack
from bnnaudit.cli.values import choice
from bnnaudit.core.exit_codes import worst
from bnnaudit.core.trial import Source, Trial


class MethodOptions(Options, panel="Attack"):
    """Which attack."""

    method: Annotated[str, choice(METHODS, "METHOD")] | None = option(
        f"One of {', '.join(METHODS)}. With ++ the attack scales the logits by --beta.", "pgd"
    )
    substitute: paths.Substitute | None = option(
        f"Network that --method {TRANSFER} attacks.", "one trained on MODEL's answers", "substitute.model"
    )


class SavingOptions(options.WithEvidence):
    """Where the report and the images go."""

    save: paths.Adversarial | None = option("Write the adversarial images and predictions to this file.")


@command(
    "bnnaudit attack model.onnx --data images.npz --method pgd++ --beta hns",
    "bnnaudit attack model.onnx --method auto --budget 500 --save adversarial.npz",
)
def attack(
    model: options.ModelPath,
    network: options.Deployed,
    data: options.Data,
    threat: options.Threat,
    method: MethodOptions,
    attack: options.Attack,
    run: options.CachedRun,
    output: SavingOptions,
) -> int:
    """Attack MODEL on a sample of images and report what is left after replay on the deployed model.

    square and random see only the scores, hard-label only the class; they take --queries. transfer is pgd on a substitute
    network, which --steps, --beta and so on apply to; it continues past the first success.
    """
    with (
        failing_into_files(output, str(model), provenance()),
        evidence_output(output.evidence, output.verbose) as evidence,
    ):
        settings = settle(model, network, data, threat, method, attack, run, output)
        name, wanted = settle_attack(method.method, settings, attack, substitute=method.substitute)
        opened = open_model(model, settings, output)
        from bnnaudit.auditing.one_attack import run_one_attack
        from bnnaudit.auditing.open import substitute_maker
        from bnnaudit.cli.progress import teller

        source = Source.SUBSTITUTE if name == TRANSFER else Source.WHITE_BOX
        with running(opened, output, name, len(opened.sample.ids) * wanted.image_steps) as progress:
            trial = Trial(wanted, replace(opened.threat, l2_per_channel=attack.l2_per_channel), source)
            prepared = prepare_opened(opened)
            told = teller(progress, output.verbose)
            make_substitute = substitute_maker(opened, told) if source is Source.SUBSTITUTE else None
            report, adversarial = run_one_attack(prepared, trial, provenance(), progress.advance, make_substitute)
        evidence.add(model, prepared.target, adversarial.confirmed, report)
        if output.save is not None:
            from bnnaudit.cli.adversarial_file import save_adversarial

            save_adversarial(output.save, adversarial, opened.target.facts, settings.threat.image_bits)
    return worst([write(report, output), evidence.code])
