"""`bnnaudit verify EVIDENCE --model MODEL`: replays counterexamples on the deployed model; no attack, and no torch for ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bnnaudit.cli import interrupts, paths
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.options import Reading
from bnnaudit.cli.session import supervise_code
from bnnaudit.cli.streams import deliver
from bnnaudit.cli.values import Name
from bnnaudit.core.errors import UsageError
from bnnaudit.core.limits import Limits

if TYPE_CHECKING:
    from bnnaudit.evidence.manifest import Manifest
    from bnnaudit.evidence.sessions import Classify

EvidencePath = Annotated[
    Path,
    typer.Argument(
        help="Folder or .zip that --evidence wrote.", rich_help_panel="Evidence", **vars(paths.EVIDENCE_FOUND)
    ),
]


class VerifiedModel(Options, panel="Model"):
    """The model to replay on."""

    model: paths.Model = option("The deployed model: ONNX file or checkpoint.", value=MISSING)
    card: paths.Card | None = option("Card of a checkpoint to use instead of MODEL.toml next to it.")
    trust_card: bool | None = option("Let the card name code to import, as your own may.", flags="--trust-card")
    arch: Name | None = option("Architecture of a checkpoint's network, as for check.", metavar="NAME|MODULE:CALLABLE")


class VerificationFormat(StrEnum):
    """How the result is written."""

    TERMINAL = "terminal"
    JSON = "json"


class VerificationOutput(Options, panel="Output"):
    """Where the result goes."""

    format: VerificationFormat = option(
        f"How to write the result: {', '.join(VerificationFormat)}.",
        metavar="FORMAT",
        value=VerificationFormat.TERMINAL,
    )
    output: paths.Report | None = option("Write the result to this file instead of stdout.", flags="--output -o")


@command(
    "bnnaudit verify evidence/ --model model.onnx",
    "bnnaudit verify evidence.zip --model model.onnx --format json",
)
def verify(evidence: EvidencePath, network: VerifiedModel, reading: Reading, output: VerificationOutput) -> int:
    """Check EVIDENCE: every digest, that each adversarial image is inside the threat, and that it fools the deployed model.

    Exits with 0 if all counterexamples hold, 1 if something is wrong, 2 if there is no evidence, none that can be read, or no
    model, 3 if the model cannot be run.
    """
    from bnnaudit.evidence import result
    from bnnaudit.evidence.errors import NoEvidenceError
    from bnnaudit.evidence.limits import limits_lifted
    from bnnaudit.evidence.verify import verify as verify_evidence

    written = output.output
    inside = written is not None and evidence.resolve() in written.resolve().parents
    read = {
        "part of the evidence": written if inside else evidence,
        "the model": network.model,
        "its card": network.card,
    }
    paths.refuse_overwriting(read, [("output", written)])
    interrupts.release()
    try:
        with limits_lifted(reading.limits is Limits.NONE):
            found = verify_evidence(evidence, network.model, partial(opened_as_audited, network))
    except NoEvidenceError as error:
        raise UsageError(f"evidence: {error}") from error
    text = result.as_json(found) if output.format is VerificationFormat.JSON else result.as_text(found)
    deliver(text, output.output)
    return result.exit_code(found)


def opened_as_audited(network: VerifiedModel, model: Path, manifest: Manifest) -> Sequence[Classify]:
    """The sessions of a model that ONNX Runtime alone does not run, opened as `check` does: a checkpoint by its card or --arch,
    an ONNX file by its rewritten copy. What the evidence says of its input wins over the card."""
    from dataclasses import replace

    from bnnaudit.config.card import parse_settings, settings_for
    from bnnaudit.core.serving import ServeAs

    given, box = manifest.input, manifest.threat
    preprocessing = {
        "input_range": [box.low, box.high],
        "mean": list(given.mean) or [0.0],
        "std": list(given.std) or [1.0],
        "layout": given.layout,
        "channels": given.channels,
        "input_shape": list(given.network_shape),
        **({"output_name": given.output} if given.output else {}),
    }
    tables = {
        "preprocessing": preprocessing,
        "policy": {"trust_cards": network.trust_card},
        "architecture": {} if network.arch is None else {"name": network.arch},
    }
    settings = settings_for(model, parse_settings(tables, "evidence"), paths.working_folder(), network.card)
    supervise_code(model, settings)
    from bnnaudit.auditing.open import open_target
    from bnnaudit.auditing.serving import with_default_session
    from bnnaudit.evidence.writing.sessions import classifier, counted_sessions

    target, _ = with_default_session(open_target(model, settings))
    counted = {session.name for session in manifest.sessions}
    serve_as = ServeAs.ANY if len(counted) > 1 else ServeAs(counted.pop())
    return [classifier(deployed) for _, deployed in counted_sessions(replace(target, serve_as=serve_as))]
