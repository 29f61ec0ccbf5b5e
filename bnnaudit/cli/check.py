"""`bnnaudit check MODEL...`: the whole audit, whose exit code is the gate."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.cli import options
from bnnaudit.cli.command import command
from bnnaudit.cli.complaints import complain
from bnnaudit.cli.delivery import failing_into_files, write, write_failure
from bnnaudit.cli.evidence import evidence_output
from bnnaudit.cli.paths import NO_SUBSTITUTE, model_files
from bnnaudit.cli.session import provenance, require_formats, require_one_model
from bnnaudit.core.exit_codes import worst, worst_delivered


@command(
    "bnnaudit check model.onnx --data images.npz --eps 8/255 --min-verified 0.3",
    "bnnaudit check 'models/*.onnx' --effort quick --report audit.json --report junit=audit.xml",
)
def check(
    models: options.ModelPaths,
    network: options.Deployed,
    data: options.Data,
    threat: options.Threat,
    steps: options.Steps,
    audit: options.Audit,
    gate: options.Gate,
    run: options.CachedRun,
    output: options.WithHistory,
) -> int:
    """Audit each MODEL: symptoms of gradient masking, their cause, and a verdict measured on the deployed model.

    MODEL is an ONNX file or a checkpoint. A card MODEL.toml next to it can supply every option. Exits with 0 if all models
    passed, 1 if one failed what was asked of it (without a policy, if its robustness is fake), 3 if an audit could not decide.
    Of several codes the first of 70, 2, 1, 3, 0 holds.
    """
    from bnnaudit.cli.audits import Audits
    from bnnaudit.cli.kept_reports import keep_reports
    from bnnaudit.core.suite import Failure, Suite, exit_code_of

    made = provenance()
    require_formats(output)
    with (
        failing_into_files(output, " ".join(models), made),
        evidence_output(output.evidence, output.verbose) as evidence,
    ):
        found = model_files(models)
        require_one_model(found, output)
        transfer = audit.substitute != NO_SUBSTITUTE
        said = audit if transfer else replace(audit, substitute=None)
        audits = Audits(found, network, (data, threat, steps, said, gate, run), output, transfer, made, evidence)
        entries = audits.run()
    if len(entries) == 1 and isinstance(entries[0], Failure):
        write_failure(entries[0], output)
        return complain(entries[0].message, entries[0].exit_code)
    for entry in entries:
        if isinstance(entry, Failure):
            complain(
                entry.message if entry.model in entry.message else f"{entry.model}: {entry.message}", entry.exit_code
            )
    document = entries[0] if len(entries) == 1 else Suite(made, entries)
    written = write(document, output)
    kept = keep_reports(entries, output.history)
    return worst_delivered(worst([written, kept, evidence.code]), map(exit_code_of, entries))
