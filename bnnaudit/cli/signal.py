"""`bnnaudit signal MODEL`: how the signal propagates, and where it vanishes."""

from __future__ import annotations

from bnnaudit.cli import options
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.delivery import failing_into_files, write
from bnnaudit.cli.library_files import thrown_away
from bnnaudit.cli.session import open_model, prepare_opened, provenance, running, settle
from bnnaudit.core.surrogate import Surrogate


class SignalOptions(Options, panel="Attack"):
    """What stands in for the gradient of a step."""

    surrogate: Surrogate | None = option(
        "Gradient of sign and round, written KIND[:WIDTH].", "identity", "attack.surrogate"
    )


@command(
    "bnnaudit signal model.onnx --data images.npz", "bnnaudit signal model.onnx --surrogate tanh:0.5 --plot signal.svg"
)
def signal(
    model: options.ModelPath,
    network: options.Deployed,
    data: options.Data,
    attack: SignalOptions,
    run: options.Run,
    output: options.Plotted,
) -> int:
    """Measure signal propagation in MODEL, as it is and with the NJS and HNS temperatures. Nothing is attacked.

    Reports Jacobian singular values, the error signal, the input gradient, the gradient at every step without one of its
    own, and how all of these depend on the temperature b, on up to 100 correctly classified images.
    """
    with failing_into_files(output, str(model), provenance()):
        opened = open_model(model, settle(model, network, data, attack, run, output), output)
        from bnnaudit.auditing.signal_propagation import run_signal

        surrogate = opened.settings.attack.surrogate or Surrogate()
        with running(opened, output, "signal propagation"):
            report = run_signal(prepare_opened(opened), surrogate, opened.threat, provenance())
        if output.plot is not None:
            from bnnaudit.reports.pictures.signal import save_signal

            with thrown_away():
                save_signal(report, output.plot)
    return write(report, output)
