"""What an audit starts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from bnnaudit.audit.threads import Threads
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts
from bnnaudit.core.target import Target


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """Everything an audit starts from.

    labels (N,) of `sample` are the data's, or None where the deployed model's own predictions shall stand in for them.
    `make_substitute` trains or loads the network for the transfer check; it is called only if that check runs.
    threads: what the audit computes with; PyTorch's own number where it is None.
    """

    target: Target
    images: Tensor
    labels: Tensor | None
    ids: Tensor
    data: DataFacts
    plan: AuditPlan
    make_substitute: Callable[[Target], Target]
    provenance: Provenance
    threads: Threads | None = None
