"""`bnnaudit attack MODEL`: one attack, replayed on the deployed model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from bnnaudit.cli import paths, values
from bnnaudit.cli.attack_settings import METHODS, TRANSFER
from bnnaudit.cli.command import Option, Options, command
from bnnaudit.cli.exit_codes import PASSED
from bnnaudit.cli.options import (
    AttackOptions,
    DataOptions,
    DeployedOptions,
    ModelPath,
    ReportOptions,
    RunOptions,
    ThreatOptions,
)
from bnnaudit.cli.session import open_session, provenance, settle, settle_attack, write
from bnnaudit.core.trial import Source, Trial


class MethodOptions(Options, panel="Attack"):
    """Which attack."""

    method: Annotated[
        str | None,
        Option(
            f"One of {', '.join(METHODS)}. With ++ the attack scales the logits by --beta.",
            values.choice(METHODS, "METHOD"),
            "pgd",
        ),
    ] = None
    substitute: Annotated[
        Path | None,
        Option(
            f"Network that --method {TRANSFER} attacks.",
            paths.ATTACKED,
            "a small float network trained on the spot",
            "substitute.model",
        ),
    ] = None


class SavingOptions(ReportOptions):
    """Where the report and the images go."""

    save: Annotated[
        Path | None, Option("Write the adversarial images and predictions to this file.", paths.ADVERSARIAL)
    ] = None


@command(
    "bnnaudit attack model.onnx --data images.npz --method pgd++ --beta hns",
    "bnnaudit attack model.onnx --method auto --budget 500 --save adversarial.npz",
)
def attack(
    model: ModelPath,
    network: DeployedOptions,
    data: DataOptions,
    threat: ThreatOptions,
    method: MethodOptions,
    attack: AttackOptions,
    run: RunOptions,
    output: SavingOptions,
) -> int:
    """Attack MODEL on a sample of images and report what is left after replay on the deployed model.

    square and random see only the scores, hard-label only the class; they take --queries. transfer is pgd on a substitute
    network, which --steps, --beta and so on apply to; it continues past the first success.
    """
    settings = settle(model, network.card, network, data, threat, method, attack, run)
    name, wanted = settle_attack(method.method, settings, attack, substitute=method.substitute)
    session = open_session(model, settings, output)
    from bnnaudit.audit.one_attack import run_one_attack
    from bnnaudit.audit.open import substitute_maker

    opened = session.opened
    source = Source.SUBSTITUTE if name == TRANSFER else Source.WHITE_BOX
    make_substitute = substitute_maker(opened) if source is Source.SUBSTITUTE else None
    with session.running(name, len(opened.sample.ids) * wanted.image_steps) as progress:
        trial = Trial(wanted, replace(session.threat, l2_per_channel=attack.l2_per_channel), source)
        report, adversarial = run_one_attack(session.prepared(), trial, provenance(), progress.advance, make_substitute)
    if output.save is not None:
        from bnnaudit.cli.adversarial_file import save_adversarial

        save_adversarial(output.save, adversarial, opened.target.facts, settings.threat.image_bits)
    write(report, output)
    return PASSED
