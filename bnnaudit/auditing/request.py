"""From an opened model and a policy to the request for an audit."""

from __future__ import annotations

from collections.abc import Callable

from bnnaudit.auditing.open import Opened, plan_of
from bnnaudit.auditing.run import AuditRequest
from bnnaudit.core.policy import Policy
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.target import Target


def request_for(
    opened: Opened,
    policy: Policy,
    transfer: bool,
    provenance: Provenance,
    make_substitute: Callable[[Target], Target],
    keep_images: bool = False,
    least_images: int = 0,
) -> AuditRequest:
    """The audit of a model under one threat; make_substitute is called only if the check that needs it runs.

    keep_images: whether every counterexample is kept, for evidence. least_images: how many are attacked in any case,
    as far as there are so many.
    """
    return AuditRequest(
        target=opened.target,
        sample=opened.sample,
        plan=plan_of(opened, transfer, policy),
        make_substitute=make_substitute,
        provenance=provenance,
        threads=opened.threads,
        keep_images=keep_images,
        least_images=least_images,
    )
