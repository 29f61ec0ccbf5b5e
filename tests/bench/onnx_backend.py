"""How many of ONNX's backend node cases an import passes: `python -m tests.bench.onnx_backend`.

Prints pass, wrong and unsupported for onnx2torch alone and for bnnaudit, then the operators that do not pass entirely,
with the reasons. Auxiliary inputs (axes, shapes, counts) are stored in the model where an import does not take them at
run time, for both alike; the counts in parentheses say how often that was needed for a pass.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

import torch
import typer

from tests.onnx_import.backend_cases import (
    CLASSIFIER,
    QUANTIZATION,
    Case,
    Judgement,
    Status,
    by_bnnaudit,
    by_onnx2torch,
    cases,
    judge,
)

FAMILIES = {"quantization": QUANTIZATION, "classifier": CLASSIFIER}
BASES = {"onnx2torch": by_onnx2torch, "bnnaudit": by_bnnaudit}


def main() -> None:
    """Judge the chosen cases by the chosen imports."""
    options = _options()
    torch.set_num_threads(1)
    only = set(options.only.split(",")) if options.only else None
    chosen = [
        case
        for case in cases()
        if (only is None or case.op in only) and case.op in FAMILIES.get(options.family, {case.op})
    ]
    typer.echo(f"{len(chosen)} cases of {len({case.op for case in chosen})} operators")
    for base in BASES if options.base == "both" else (options.base,):
        _report(base, chosen, options.list)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="operators, separated by commas")
    parser.add_argument("--family", choices=[*FAMILIES, "all"], default="all")
    parser.add_argument("--base", choices=[*BASES, "both"], default="both")
    parser.add_argument(
        "--list", choices=["wrong", "fails", "unsupported", "not-passing"], help="every such case, by name"
    )
    return parser.parse_args()


def _report(base: str, chosen: Sequence[Case], listed: str | None) -> None:
    begun = time.perf_counter()
    judgements = [judge(case, BASES[base]) for case in chosen]
    seconds = time.perf_counter() - begun
    typer.echo(f"\n{base}: {_counts(judgements)} in {seconds:.0f} s")
    for family, operators in FAMILIES.items():
        inside = [judgement for judgement in judgements if judgement.op in operators]
        if inside:
            typer.echo(f"  {family}: {_counts(inside)} of {len(inside)}")
    _by_operator(judgements)
    for judgement in judgements:
        if listed in (judgement.status.value, "not-passing") and judgement.status is not Status.PASS:
            typer.echo(f"  {judgement.case} ({judgement.op}): {judgement.status.value}: {judgement.reason}")


def _counts(judgements: Sequence[Judgement]) -> str:
    count = Counter(judgement.status for judgement in judgements)
    stored = sum(judgement.unstored is not None for judgement in judgements if judgement.status is Status.PASS)
    parts = ", ".join(f"{count[status]} {status.value}" for status in Status)
    return f"{parts} ({stored} of the passes with auxiliary inputs stored)"


def _by_operator(judgements: Sequence[Judgement]) -> None:
    """One line for each operator that does not pass entirely: counts and the commonest reason."""
    grouped: dict[str, list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        grouped[judgement.op].append(judgement)
    for op, of_op in sorted(grouped.items()):
        failed = [judgement for judgement in of_op if judgement.status is not Status.PASS]
        if failed:
            count = Counter(judgement.status.value for judgement in of_op)
            parts = ", ".join(f"{count[status.value]} {status.value}" for status in Status if count[status.value])
            reason = Counter(judgement.reason for judgement in failed).most_common(1)[0][0]
            typer.echo(f"    {op}: {parts}; {reason[:160]}")


if __name__ == "__main__":
    main()
