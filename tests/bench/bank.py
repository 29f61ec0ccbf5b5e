"""A bank of models whose truth is known, and what the audit says of each.

python -m tests.bench.bank                 the confusion table
python -m tests.bench.bank --seeds 20      how often healthy models get an error-level finding
python -m tests.bench.bank --only digits   entries whose name holds a word
python -m tests.bench.bank --all           every image attacked: what ending with the verdict saves, by the last line's seconds
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import torch
import typer
from torch import Tensor, nn

from bnnaudit.auditing.run import AuditRequest, run_audit
from bnnaudit.core.attack import AttackSettings, Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.effort import Effort
from bnnaudit.core.finding import Severity
from bnnaudit.core.plan import AuditPlan, Declared
from bnnaudit.core.progress import Silence
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts, Report, Status
from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.data import Sample
from bnnaudit.measurements.score_tensor import rescored
from bnnaudit.numerics.intervals import wilson_interval
from bnnaudit.zoo.substitute import imitate
from tests.bench.bank_networks import DATA, trained
from tests.bench.bank_wholenum import whole_number_entries, with_whole_numbers
from tests.networks.broken import (
    BatchCentred,
    Dropped,
    ForeignForward,
    HardRounding,
    Scale,
    Wall,
    before,
    behind,
    honest_scale,
    killed,
    passed_rounding,
    steep_signs,
)
from tests.toy import target_of

SAMPLES = 120
HONEST = frozenset({Status.NOT_ROBUST, Status.AS_CLAIMED})
FAKE = frozenset({Status.FAKE})
DOUBTFUL = frozenset({Status.INCONCLUSIVE})
ADAPTIVE = Pgd(surrogate=Surrogate.usual(SurrogateKind.TRIANGULAR))
CLIPPED = Pgd(surrogate=Surrogate.usual(SurrogateKind.CLIPPED))


@dataclass(frozen=True, slots=True)
class Entry:
    """One model: how it is made, as a module or as a target, what it is attacked with, and what an audit must say.

    causes: rules of which at least one must be found; none for a healthy model, which must get no error at all. given: what
    the audit is given in place of the held-out images and their labels, both drawn already. whole: the type of whole numbers
    that the model takes, none where it takes floats of 0..1. declared: the accuracy under attack that its card states.
    """

    name: str
    data: str
    make: Callable[[], nn.Module | Target]
    eps: float
    statuses: frozenset[Status]
    causes: frozenset[str] = frozenset()
    norm: Norm = Norm.LINF
    ordinary: AttackSettings = Pgd()  # noqa: RUF009 - frozen
    effort: Effort = Effort.QUICK
    given: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
    whole: str = ""
    declared: float | None = None

    @property
    def healthy(self) -> bool:
        """Whether nothing was broken."""
        return not self.causes


def images_of(data: str) -> Tensor:
    """The held-out images."""
    return DATA[data]().test[0]


def _scaled(name: str) -> nn.Module:
    return honest_scale(trained(name), images_of(name.partition("-")[0])[:200])


def healthy_entries(data: str, eps: float) -> Iterator[Entry]:
    """Networks that are what they seem, at the radius and at a fraction of it."""
    for kind in ("float", "robust"):
        name = f"{data}-{kind}"
        for factor in (1.0, 0.4):
            yield Entry(f"{name} at {eps * factor:g}", data, lambda name=name: trained(name), eps * factor, HONEST)
    for kind, ordinary in (("wq", Pgd()), ("waq", ADAPTIVE)):
        name = f"{data}-{kind}"
        scaled = Entry(f"{name}, logits scaled", data, lambda name=name: _scaled(name), eps, HONEST)
        yield replace(scaled, ordinary=ordinary)
    l2 = 4 * eps
    yield Entry(f"{data}-float, L2 {l2:g}", data, lambda: trained(f"{data}-float"), l2, HONEST, norm=Norm.L2)


def broken_entries(data: str, eps: float) -> Iterator[Entry]:
    """Networks broken on purpose, in one way each."""

    def entry(
        what: str, make: Callable[[], nn.Module], causes: str, statuses: frozenset[Status] = FAKE, base: str = "float"
    ) -> Entry:
        return Entry(f"{data}-{base}, {what}", data, make, eps, statuses, frozenset(causes.split()))

    def plain(kind: str = "float") -> nn.Module:
        return trained(f"{data}-{kind}")

    scale = "SP201 SP208"
    yield entry("logits x 1000", lambda: behind(plain(), Scale(1000.0)), scale)
    yield entry("logits x 1000", lambda: behind(plain("robust"), Scale(1000.0)), scale, base="robust")
    yield entry("logits as trained", lambda: plain("waq"), scale, base="waq")
    yield entry("logits x 1000", lambda: behind(_scaled(f"{data}-wq"), Scale(1000.0)), scale, base="wq")
    yield entry("distilled", lambda: plain("distilled"), scale, base="distilled")
    yield entry("zero backward at the input", lambda: before(plain(), Wall()), "SP205")
    yield entry("zero backward at the logits", lambda: behind(plain("robust"), Wall()), "SP205", base="robust")
    yield entry("zero backward", lambda: before(_scaled(f"{data}-waq"), Wall()), "SP205", base="waq")
    yield entry("zero backward in foreign code", lambda: ForeignForward(plain(), 2, killed), "SP205")
    yield entry("cut off in foreign code", lambda: ForeignForward(plain(), 2, Tensor.detach), "SP205")
    yield entry("input rounded, no gradient", lambda: before(plain(), HardRounding(17)), "SP210")
    honest = HONEST
    yield entry("input rounded, passed through", lambda: passed_rounding(plain(), 17), "SP210", honest)
    steep = behind_softmax(lambda: plain())
    yield entry("outer softmax, logits x 20", steep, "SP209")
    random = DOUBTFUL
    yield entry("dropout left on", lambda: before(plain(), Dropped(0.3)), "MF405", random)
    yield entry("batch-dependent", lambda: behind(plain(), BatchCentred()), "MF407", random)
    clipped = entry("clipped surrogate", lambda: steep_signs(_scaled(f"{data}-waq"), 100.0), "SP204", base="waq")
    yield replace(clipped, ordinary=CLIPPED)
    yield entry("logits scaled, straight-through", lambda: _scaled(f"{data}-waq"), "SP203 SP204", base="waq")
    winners = entry("k winners take all", lambda: plain("winners"), "SP211 GM112 GM105", base="winners")
    yield replace(winners, effort=Effort.STANDARD)


def behind_softmax(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """A saturated softmax that no importer takes off."""
    return lambda: behind(make(), Scale(20.0), nn.Softmax(dim=1))


def entries() -> tuple[Entry, ...]:
    """The whole bank."""
    from tests.bench import bank_scores, bank_torch  # they need Entry
    from tests.bench.bank_declared import declaring_entries
    from tests.bench.bank_verdicts import entries_of_the_sample

    modules = (
        entry
        for data, eps in (("digits", 0.15), ("mnist", 0.1))
        for entry in (
            *healthy_entries(data, eps),
            *broken_entries(data, eps),
            *entries_of_the_sample(data, eps),
            *declaring_entries(data, eps),
            *whole_number_entries(data, eps, next(healthy_entries(data, eps)), next(broken_entries(data, eps))),
        )
    )
    return (*modules, *bank_scores.entries(), *bank_torch.entries())


def audit(
    entry: Entry, seed: int = 0, effort: Effort | None = None, samples: int = SAMPLES, all_images: bool = False
) -> Report:
    """The audit of one entry on images drawn by the seed, with the entry's own effort unless one is given."""
    torch.manual_seed(seed)
    images, labels = DATA[entry.data]().test
    ids = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:samples]
    batch = Batch(images[ids], labels[ids], ids)
    if entry.given is not None:
        shown, told = entry.given(batch.images, batch.labels)
        batch = Batch(shown, told, torch.arange(len(told)))
    made = entry.make()
    if entry.whole:
        assert isinstance(made, nn.Module)
        target, batch = with_whole_numbers(made, batch, entry.whole)
    else:
        target = made if isinstance(made, Target) else target_of(made, tuple(batch.images.shape[1:]), 10)
    box = target.facts.box
    threat = Threat(entry.norm, entry.eps, box, grid=target.facts.grid)
    target = rescored(target, batch.images, threat)
    plan = AuditPlan(
        threat=threat,
        ordinary=entry.ordinary,
        features=batch.images[0].numel(),
        quantized=bool(target.facts.quantizers),
        seed=seed,
        effort=effort or entry.effort,
        all_images=all_images,
        declared=Declared(adversarial_accuracy=entry.declared),
    )
    request = AuditRequest(
        target=target,
        sample=Sample(batch.images, batch.labels, batch.ids, DataFacts(entry.data, len(batch), "")),
        plan=plan,
        make_substitute=lambda audited: imitate(audited, box.low + box.width * images, seed),
        provenance=Provenance("bank", "", "bank"),
    )
    return run_audit(request, Silence()).report


def found(report: Report) -> frozenset[str]:
    """Codes of all findings."""
    return frozenset(finding.rule.code for finding in report.findings)


def errors(report: Report) -> frozenset[str]:
    """Codes of the error-level ones."""
    return frozenset(finding.rule.code for finding in report.findings if finding.severity is Severity.ERROR)


def problems(entry: Entry, report: Report) -> tuple[str, ...]:
    """What is wrong with the audit's answer; nothing where it is right."""
    assert report.verdict is not None
    wrong = [f"fault: {fault.error}" for fault in report.faults]
    if report.verdict.status not in entry.statuses:
        wrong.append(f"verdict {report.verdict.status}")
    if entry.healthy and errors(report):
        wrong.append(f"false alarm: {', '.join(sorted(errors(report)))}")
    if not entry.healthy and not found(report) & entry.causes:
        wrong.append(f"none of {', '.join(sorted(entry.causes))}")
    return tuple(wrong)


def print_table(
    chosen: Iterable[Entry], effort: Effort | None, samples: int = SAMPLES, all_images: bool = False
) -> int:
    """The confusion table, a line a model, and the processor seconds of all audits; the number of wrong answers."""
    wrong, seconds = 0, 0.0
    typer.echo(
        f"{'model':44} {'truth':8} {'claimed':>7} {'verified':>8} {'verdict':18} {'right':5} {'images':>6} findings"
    )
    for entry in chosen:
        began = time.process_time()
        try:
            report = audit(entry, effort=effort, samples=samples, all_images=all_images)
        except FileNotFoundError as error:
            typer.echo(f"{entry.name:44} skipped: {error}")
            continue
        complaints = problems(entry, report)
        wrong += bool(complaints)
        spent = time.process_time() - began
        seconds += spent
        typer.echo(_line(entry, report, complaints, spent))
    typer.echo(f"{seconds:.0f} processor seconds")
    return wrong


def _line(entry: Entry, report: Report, complaints: tuple[str, ...], seconds: float) -> str:
    verdict = report.verdict
    assert verdict is not None
    verified = None if verdict.verified_accuracy is None else verdict.verified_accuracy.value
    figures = ["-" if figure is None else f"{100 * figure:.0f} %" for figure in (verdict.claimed_accuracy, verified)]
    truth, right = "healthy" if entry.healthy else "broken", "no" if complaints else "yes"
    images = "-" if report.extent is None else str(report.extent.attacked)
    told = " ".join(sorted(found(report))) + (f"  <- {'; '.join(complaints)}" if complaints else "")
    return (
        f"{entry.name:44} {truth:8} {figures[0]:>7} {figures[1]:>8} {verdict.status!s:18} {right:5} {images:>6} {told}"
        f"  [{seconds:.0f} s]"
    )


def print_false_alarms(chosen: Iterable[Entry], seeds: int, effort: Effort | None) -> int:
    """How many audits of healthy models, each on its own images and seed, ended in an error-level finding."""
    audits = alarms = 0
    for entry in chosen:
        if not entry.healthy:
            continue
        told: list[str] = []
        for seed in range(seeds):
            report = audit(entry, seed, effort)
            audits += 1
            if errors(report):
                alarms += 1
                told.append(f"seed {seed}: {', '.join(sorted(errors(report)))}")
        typer.echo(f"{entry.name:44} {len(told)} of {seeds}  {'; '.join(told)}")
    low, high = wilson_interval(alarms, audits)
    rate = alarms / audits if audits else 0.0
    typer.echo(
        f"error-level false alarms: {alarms} of {audits}, {100 * rate:.2f} % [{100 * low:.2f}, {100 * high:.2f}]"
    )
    return alarms


def main() -> int:
    """The table, or with --seeds the rate of false alarms; 1 where an answer is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bank", description="Audit models of known truth.")
    parser.add_argument("--seeds", type=int, default=0, help="audit healthy models with so many seeds")
    parser.add_argument("--only", default="", help="entries whose name holds this")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="images at hand for every audit")
    parser.add_argument("--all", action="store_true", help="attack every image, whatever decides the verdict")
    parser.add_argument("--effort", type=Effort, choices=list(Effort), help="of every audit")
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [entry for entry in entries() if options.only in entry.name]
    if options.seeds:
        return int(print_false_alarms(chosen, options.seeds, options.effort) > 0)
    wrong = print_table(chosen, options.effort, options.samples, options.all)
    typer.echo(f"{len(chosen) - wrong} of {len(chosen)} answers are right")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
