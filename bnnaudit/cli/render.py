"""`bnnaudit render REPORT.json...`: a report that is there already, in other formats."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bnnaudit.cli import options
from bnnaudit.cli.command import command
from bnnaudit.cli.delivery import failing_into_files, write
from bnnaudit.cli.paths import REPORTS, refuse_overwriting
from bnnaudit.cli.session import files_written, provenance, require_formats
from bnnaudit.core.errors import UsageError

if TYPE_CHECKING:
    from bnnaudit.core.provenance import Provenance
    from bnnaudit.core.reproduction import Reproduction
    from bnnaudit.reports.documents import Audited

STDIN = "-"
STDIN_FILE = Path("/dev/stdin")
"""The file that a shell has redirected to stdin; where a system has no such name, there is no telling."""
ReportPaths = Annotated[
    list[str],
    typer.Argument(
        help=f"Reports that were written with --format json; {STDIN} reads stdin.",
        rich_help_panel="Report",
        **vars(REPORTS),
    ),
]


@command(
    "bnnaudit render audit.json --report audit.html --report audit.sarif",
    "bnnaudit render first.json second.json --format json --output suite.json",
)
def render(reports: ReportPaths, reading: options.Reading, output: options.Report) -> int:
    """Write each REPORT in other formats: the very bytes that `check` would have written, and no audit is run.

    Several reports become one suite. Exits with 0 if everything was written, whatever the reports say: the gate is `check`.
    """
    made = provenance()
    require_formats(output)
    read = {f"a report that is read, {name}": STDIN_FILE if name == STDIN else Path(name) for name in reports}
    refuse_overwriting(read, files_written(output))
    with failing_into_files(output, " ".join(reports), made):
        document = together([document_of(name) for name in reports], made)
    return write(document, output)


def document_of(name: str) -> Audited | Reproduction:
    """The document in a file, or on stdin; raises ReportError for what is none."""
    from bnnaudit.core.file_limits import REPORT_BYTES
    from bnnaudit.reports.json.reading import content_of, read_any, text_of

    piped = name == STDIN
    content = sys.stdin.buffer.read(REPORT_BYTES.to_read) if piped else content_of(Path(name))
    where = "stdin" if piped else name
    return read_any(text_of(content, where), where)


def together(documents: Sequence[Audited | Reproduction], made: Provenance) -> Audited | Reproduction:
    """The only document, or a suite of all entries, as old as the newest: the same files give the same bytes at any time."""
    from dataclasses import replace

    from bnnaudit.core.reproduction import Reproduction
    from bnnaudit.core.suite import Suite

    if len(documents) == 1:
        return documents[0]
    audited = [document for document in documents if not isinstance(document, Reproduction)]
    if len(audited) < len(documents):
        raise UsageError(
            "report: one of these is of `bnnaudit reproduce`, which makes no suite with others; give it alone"
        )
    created = max(document.provenance.created for document in audited)
    entries = [entry for one in audited for entry in (one.entries if isinstance(one, Suite) else (one,))]
    return Suite(replace(made, created=created), tuple(entries))
