"""`bnnaudit signal MODEL`: how the signal propagates, and where it dies."""

from __future__ import annotations

from typing import Annotated

from bnnaudit.cli import values
from bnnaudit.cli.command import Option, Options, command
from bnnaudit.cli.exit_codes import PASSED
from bnnaudit.cli.options import DataOptions, DeployedOptions, ModelPath, PlottedOptions, RunOptions
from bnnaudit.cli.session import open_session, provenance, settle, write
from bnnaudit.core.surrogate import Surrogate


class SignalOptions(Options, panel="Attack"):
    """What stands in for the gradient of a step."""

    surrogate: Annotated[
        Surrogate | None,
        Option("Gradient of sign and round, written KIND[:WIDTH].", values.SURROGATE, "identity", "attack.surrogate"),
    ] = None


@command(
    "bnnaudit signal model.onnx --data images.npz", "bnnaudit signal model.onnx --surrogate tanh:0.5 --plot signal.svg"
)
def signal(
    model: ModelPath,
    network: DeployedOptions,
    data: DataOptions,
    attack: SignalOptions,
    run: RunOptions,
    output: PlottedOptions,
) -> int:
    """Measure signal propagation in MODEL, as it is and with the NJS and HNS temperatures. Nothing is attacked.

    Reports Jacobian singular values, the error signal, the input gradient, the gradient at every step without one of its
    own, and how all of these depend on the temperature b, on up to 100 correctly classified images.
    """
    session = open_session(model, settle(model, network.card, network, data, attack, run), output)
    from bnnaudit.audit.signal import run_signal

    surrogate = session.settings.attack.surrogate or Surrogate()
    with session.running("signal propagation"):
        report = run_signal(session.prepared(), surrogate, session.threat, provenance())
    if output.plot is not None:
        from bnnaudit.reports.pictures.signal import save_signal

        save_signal(report, output.plot)
    write(report, output)
    return PASSED
