"""Reports of releases made by hand: which images each gets right, with what findings and under what policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from bnnaudit.core.comparison import StoredReport
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.finding import Finding, Severity
from bnnaudit.core.gate import Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.image_rows import ImageRow
from bnnaudit.core.policy import Policy
from bnnaudit.core.report import Extent, Report, Verdict
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.numerics.intervals import wilson_interval
from bnnaudit.releases.comparing import Stored
from tests.reports.conftest import _rule, facts, fake  # noqa: F401 - fixtures

Make = Callable[..., Report]
AUDITED = Criterion(CriterionKind.AUDIT, "an audit that finished", Outcome.PASSED, "it finished")


def share(count: int, total: int) -> Estimate:
    return Estimate(count / total, *wilson_interval(count, total), total)


def rows(
    clean: Sequence[bool],
    verified: Sequence[bool],
    first: int = 0,
    label: int = 0,
    claimed: Sequence[bool] | None = None,
) -> tuple[ImageRow, ...]:
    """Image number n has the digest of n, whatever its place."""
    claimed = verified if claimed is None else claimed
    return tuple(
        ImageRow(first + i, f"{first + i}.png", f"{first + i:064x}", label, 0, clean[i], claimed[i], verified[i])
        for i in range(len(clean))
    )


def found(code: str, severity: Severity = Severity.ERROR) -> Finding:
    rule = _rule(code, f"rule-{code}", severity)
    return Finding(rule, f"What {code} found.", severity, "high")  # type: ignore[arg-type]


@pytest.fixture
def release(fake: Report) -> Make:  # noqa: F811
    """A report whose figures are those of its rows."""

    def make(
        images: Sequence[ImageRow],
        findings: Sequence[Finding] = (),
        policy: Policy | None = None,
        declared: float | None = None,
        model: str = "nets/m.onnx",
    ) -> Report:
        clean = share(sum(row.right for row in images), len(images))
        left = share(sum(bool(row.verified) for row in images), len(images))
        ordinary = share(sum(bool(row.claimed) for row in images), len(images))
        return replace(
            fake,
            model=replace(fake.model, path=model),
            clean_accuracy=clean,
            findings=tuple(findings),
            skipped=(),
            faults=(),
            verdict=Verdict(fake.verdict.status, "", ordinary, left, declared),  # type: ignore[union-attr]
            gate=Gate(policy or Policy(), (AUDITED,)),
            advice=(),
            images=tuple(images),
            examples=(),
            extent=Extent(len(images), 300, (len(images),)),
        )

    return make


def stored(document: Report | Suite | Failure, name: str = "a.json") -> Stored:
    return Stored(StoredReport(name, "0f" * 32), document)
