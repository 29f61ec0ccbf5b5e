"""`bnnaudit check MODEL`: the whole audit, whose exit code is the gate."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.cli import options
from bnnaudit.cli.command import command
from bnnaudit.cli.paths import NO_SUBSTITUTE
from bnnaudit.cli.session import provenance, require_runnable, settle, write
from bnnaudit.cli.streams import waiting


@command(
    "bnnaudit check model.onnx --data images.npz --eps 8/255",
    "bnnaudit check model.onnx --effort quick --format json --output audit.json",
)
def check(
    model: options.ModelPath,
    network: options.Deployed,
    data: options.Data,
    threat: options.Threat,
    steps: options.Steps,
    audit: options.Audit,
    run: options.Run,
    output: options.WithEvidence,
) -> int:
    """Audit MODEL: symptoms of gradient masking, their cause, and a verdict measured on the deployed model.

    MODEL is an ONNX file or a checkpoint. A card MODEL.toml next to it can supply every option. Exits with 0 if the model
    passed, 1 if its robustness is fake, 3 if the audit could not decide.
    """
    transfer = audit.substitute != NO_SUBSTITUTE
    said = audit if transfer else replace(audit, substitute=None)
    settings = settle(model, network, data, threat, steps, said, run, output)
    require_runnable(settings)
    with waiting("loading", output.quiet):
        from bnnaudit.api import audit_request
        from bnnaudit.auditing.run import run_audit
        from bnnaudit.cli.progress import progress_bar
        from bnnaudit.core.suite import exit_code_of

        request = audit_request(model, settings, transfer, provenance(), keep_images=output.evidence is not None)
    with progress_bar(output.quiet) as progress:
        audited = run_audit(request, progress)
    if output.evidence is not None and audited.confirmed is not None:
        from bnnaudit.cli.evidence import add_evidence
        from bnnaudit.evidence.writing.writer import evidence_at

        with evidence_at(output.evidence) as evidence:
            add_evidence(evidence, model, audited.target, audited.confirmed, audited.report)
    write(audited.report, output)
    return exit_code_of(audited.report)
