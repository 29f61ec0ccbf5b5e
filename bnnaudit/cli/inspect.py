"""`bnnaudit inspect MODEL`: what the file holds."""

from __future__ import annotations

from bnnaudit.cli import options
from bnnaudit.cli.command import command
from bnnaudit.cli.delivery import failing_into_files, write
from bnnaudit.cli.session import provenance, settle
from bnnaudit.cli.streams import waiting


@command("bnnaudit inspect model.onnx", "bnnaudit inspect weights.pt --arch cnn --input-shape 3,32,32 --format json")
def inspect(model: options.ModelPath, network: options.Network, output: options.Output) -> int:
    """Show MODEL's format, operators, bits, steps without a gradient, input, classes and metadata. Nothing is attacked."""
    with failing_into_files(output, str(model), provenance()):
        settings = settle(model, network, output)
        with waiting("loading", output.quiet):
            from bnnaudit.auditing.open import inspect_model

            facts = inspect_model(model, settings)
    return write(facts, output)
