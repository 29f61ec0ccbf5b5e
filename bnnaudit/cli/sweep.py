"""`bnnaudit sweep MODEL`: accuracy against one setting of an attack."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from bnnaudit.cli import values
from bnnaudit.cli.attack_settings import METHODS, TRANSFER
from bnnaudit.cli.command import Option, Options, command
from bnnaudit.cli.exit_codes import PASSED
from bnnaudit.cli.options import (
    AttackOptions,
    DataOptions,
    DeployedOptions,
    ModelPath,
    PlottedOptions,
    RunOptions,
    ThreatOptions,
)
from bnnaudit.cli.session import open_session, provenance, settle, settle_attack, write
from bnnaudit.core.attack import Beta, Climb
from bnnaudit.core.sweep import Parameter, parse_values, usual_values

SWEPT = [name for name in METHODS if name != TRANSFER]


class SweepOptions(Options, panel="Attack"):
    """Which attack, and what of it varies."""

    over: Annotated[
        Parameter, Option(f"The setting that varies: {', '.join(Parameter)}.", values.member(Parameter, "SETTING"))
    ]
    points: Annotated[
        str | None,
        Option(
            "The values to try, such as 1,2,5,10 or 2/255,8/255.",
            values.name("V,V,..."),
            "depends on the setting",
            flags="--values",
        ),
    ] = None
    method: Annotated[
        str | None,
        Option(
            f"One of {', '.join(SWEPT)}. With ++ the attack scales the logits by --beta.",
            values.choice(SWEPT, "METHOD"),
            "pgd",
        ),
    ] = None


@command(
    "bnnaudit sweep model.onnx --data images.npz --over radius --method pgd++",
    "bnnaudit sweep model.onnx --over iterations --values 1,10,100 --plot sweep.svg",
)
def sweep(
    model: ModelPath,
    network: DeployedOptions,
    data: DataOptions,
    threat: ThreatOptions,
    swept: SweepOptions,
    attack: AttackOptions,
    run: RunOptions,
    output: PlottedOptions,
) -> int:
    """Run one attack on MODEL at several values of one setting, and report the accuracy that each leaves after replay.

    Where it is exact, all iteration counts are read off one long run. A sweep over rho uses the NJS temperature.
    """
    chosen = None if swept.points is None else parse_values(swept.over, swept.points)
    settings = settle(model, network.card, network, data, threat, attack, run)
    _, wanted = settle_attack(swept.method, settings, attack)
    if isinstance(wanted, Climb) and settings.attack.beta is None and swept.over in (Parameter.BETA, Parameter.RHO):
        wanted = replace(wanted, beta=Beta())  # the sweep's to choose, not that of the ++
    session = open_session(model, settings, output)
    from bnnaudit.audit.sweep import SweepRequest, check_sweep, run_sweep

    threats = replace(session.threat, l2_per_channel=attack.l2_per_channel)
    request = SweepRequest(swept.over, chosen or usual_values(swept.over, threats), wanted, threats)
    check_sweep(request)
    with session.running("deployed model on clean images") as progress:
        prepared = session.prepared()
        progress.plan(int(prepared.clean.sum()) * request.image_steps())
        progress.task(f"{wanted.name} over {swept.over}")
        report = run_sweep(prepared, request, provenance(), progress.advance)
    if output.plot is not None:
        from bnnaudit.reports.pictures.sweep import save_sweep

        save_sweep(report, output.plot)
    write(report, output)
    return PASSED
