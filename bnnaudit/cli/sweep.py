"""`bnnaudit sweep MODEL`: accuracy against one setting of an attack."""

from __future__ import annotations

from dataclasses import MISSING, replace
from typing import Annotated

from bnnaudit.cli import options
from bnnaudit.cli.attack_settings import METHODS, TRANSFER
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.delivery import failing_into_files, write
from bnnaudit.cli.library_files import thrown_away
from bnnaudit.cli.session import open_model, prepare_opened, provenance, running, settle, settle_attack
from bnnaudit.cli.values import Name, choice
from bnnaudit.core.attack import Beta, Climb
from bnnaudit.core.sweep import Parameter, parse_values, usual_values
from bnnaudit.core.threat import Norm, require_radius

SWEPT = [name for name in METHODS if name != TRANSFER]


class SweepOptions(Options, panel="Attack"):
    """Which attack, and what of it varies."""

    over: Parameter = option(f"The setting that varies: {', '.join(Parameter)}.", metavar="SETTING", value=MISSING)
    points: Name | None = option(
        "The values to try, such as 1,2,5,10 or 2/255,8/255.",
        "depends on the setting",
        flags="--values",
        metavar="V,V,...",
    )
    method: Annotated[str, choice(SWEPT, "METHOD")] | None = option(
        f"One of {', '.join(SWEPT)}. With ++ the attack scales the logits by --beta.", "pgd"
    )


@command(
    "bnnaudit sweep model.onnx --data images.npz --over radius --method pgd++",
    "bnnaudit sweep model.onnx --over iterations --values 1,10,100 --plot sweep.svg",
)
def sweep(
    model: options.ModelPath,
    network: options.Deployed,
    data: options.Data,
    threat: options.Threat,
    swept: SweepOptions,
    attack: options.Attack,
    run: options.Run,
    output: options.Plotted,
) -> int:
    """Run one attack on MODEL at several values of one setting, and report the accuracy that each leaves after replay.

    All iteration counts are read off one long run where that is exact. A sweep over rho uses the NJS temperature.
    """
    with failing_into_files(output, str(model), provenance()):
        chosen = None if swept.points is None else parse_values(swept.over, swept.points)
        settings = settle(model, network, data, threat, attack, run, output)
        if swept.over is Parameter.RADIUS and chosen is not None:
            require_radius(settings.threat.norm or Norm.LINF, chosen[-1], "values")
        _, wanted = settle_attack(swept.method, settings, attack)
        if isinstance(wanted, Climb) and settings.attack.beta is None and swept.over in (Parameter.BETA, Parameter.RHO):
            wanted = replace(wanted, beta=Beta())  # the sweep's to choose, not that of the ++
        opened = open_model(model, settings, output)
        from bnnaudit.auditing.sweep import SweepRequest, check_sweep, run_sweep

        threats = replace(opened.threat, l2_per_channel=attack.l2_per_channel)
        request = SweepRequest(swept.over, chosen or usual_values(swept.over, threats), wanted, threats)
        check_sweep(request)
        with running(opened, output, "deployed model on clean images") as progress:
            prepared = prepare_opened(opened)
            progress.plan(int(prepared.clean.sum()) * request.image_steps())
            progress.task(f"{wanted.name} over {swept.over}")
            report = run_sweep(prepared, request, provenance(), progress.advance)
        if output.plot is not None:
            from bnnaudit.reports.pictures.sweep import save_sweep

            with thrown_away():
                save_sweep(report, output.plot)
    return write(report, output)
