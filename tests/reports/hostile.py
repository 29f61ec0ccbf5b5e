"""Names as a stranger might choose them, to harm whoever reads a report, and a report that has them everywhere."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.core.facts import OperatorCount, QuantizerFact
from bnnaudit.core.finding import Fault, Skip
from bnnaudit.core.gate import Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.policy import IdleWaiver, Policy, WaiverProblem
from bnnaudit.core.report import Advice, PlaceRow, Report
from bnnaudit.core.scores import ScoreFacts

SCRIPT = '<script>window.harmed = true</script><img src=x onerror="window.harmed = true">'
ANSI = "\x1b[31mred\x1b[2J\x1b]8;;https://evil.example\x07link\x1b]8;;\x07\x9b31m"
MARKDOWN = "| # **bold** [a](javascript:alert(1)) `code` ![i](https://evil.example/p.png) @everyone\n- item\n```\n"
RICH = "[bold red]markup[/bold red] [link=https://evil.example]x[/link]"
XML = "]]> <!-- --> <![CDATA[ &amp; &#x0; \x00\x01\x08\x0b\x0c\x1f \ufffe\uffff"
SURROGATES = "\ud800 lone \udcff"
DIRECTION = "\u202egnp.exe\u202c \u200f\u2066abc\u2069 zero\u200bwidth"
FORMULA = "=cmd|' /C calc'!A0"
WORKFLOW = "%0A::error file=a.py,line=1::owned\n::set-output name=x::y\r\n##[error]owned"
TEMPLATE = "{{ 7 * 7 }} {% raw %} ${{ github.token }} $(id) `id`"
WORDS = (
    SCRIPT,
    ANSI,
    MARKDOWN,
    RICH,
    XML,
    SURROGATES,
    DIRECTION,
    FORMULA,
    WORKFLOW,
    TEMPLATE,
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\t=1",
)
"""Each thing by itself."""
EVERYTHING = FORMULA + " " + " ".join(WORDS)
"""All of it in one name, which starts like a formula."""
LONG = (EVERYTHING * (2**20 // len(EVERYTHING) + 1))[: 2**20]
"""A name of a mebibyte."""


def with_names(report: Report, name: str) -> Report:
    """The report with `name` for every word in it that comes from a file or a person."""
    finding, *others = report.findings
    waiver = next(each.waiver for each in report.findings if each.waiver is not None)
    waiver = replace(waiver, reason=name, owner=name, model=name)
    named = tuple(replace(each, waiver=waiver) if each.waiver else each for each in others)
    assert report.gate is not None
    assert report.verdict is not None
    assert report.signal is not None
    assert report.substitute is not None
    quantizers = tuple(replace(each, name=name) for each in report.model.quantizers)
    model = replace(
        report.model,
        path=name,
        quantizers=(*quantizers, QuantizerFact(name, name, 2)),
        operators=(OperatorCount(name, 3), OperatorCount("Conv", 1)),
        runtime=name,
        metadata=((name, name), ("producer", name)),
        scores=ScoreFacts(name, name, (name, "Softmax"), 40, 0, (name,)),
    )
    places = tuple(PlaceRow(name, each.original, each.njs, each.hns) for each in report.signal.places)
    asked = Criterion(CriterionKind.REQUIRED, f"an outcome of {name}", Outcome.UNDECIDED, name)
    return replace(
        report,
        provenance=replace(report.provenance, command=f"check {name}"),
        model=model,
        data=replace(report.data, source=name, classes=(name, *WORDS)[: model.num_classes]),
        environment=replace(report.environment, device=name),
        signal=replace(report.signal, places=places),
        findings=(replace(finding, message=name, rule=replace(finding.rule, summary=name)), *named),
        skipped=(Skip(name, name),),
        faults=(Fault(name, name, required=True),),
        verdict=replace(report.verdict, reason=name),
        gate=Gate(
            Policy(select=(name,), ignore=(name,), require=(name,), waivers=(waiver,)),
            (*report.gate.criteria, asked),
            (IdleWaiver(waiver, WaiverProblem.UNUSED),),
        ),
        advice=(Advice(name, ("FR301",)),),
        substitute=replace(report.substitute, path=name),
        images=tuple(
            replace(row, name=word)
            for row, word in zip(report.images, (name, *WORDS) * len(report.images), strict=False)
        ),
    )
