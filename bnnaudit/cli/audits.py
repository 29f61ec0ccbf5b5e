"""The audits of one command, one after another: each model under each threat gives a report, or says why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bnnaudit.cli import options
from bnnaudit.cli.command import Options, said
from bnnaudit.cli.complaints import INTERRUPTED, explained, show_traceback
from bnnaudit.cli.delivery import retire_reports
from bnnaudit.cli.evidence import EvidenceOutput
from bnnaudit.cli.paths import WouldOverwriteError
from bnnaudit.cli.progress import Shown, progress_bar, teller
from bnnaudit.cli.session import require_runnable, settle
from bnnaudit.core.errors import AuditError, UsageError
from bnnaudit.core.evidence import STOPPED
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.policy import Policy
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure
from bnnaudit.core.threat import length_text

if TYPE_CHECKING:
    from bnnaudit.auditing.open import Opened
    from bnnaudit.auditing.run import Audited
    from bnnaudit.config.settings import Settings
    from bnnaudit.core.target import Target
    from bnnaudit.releases.comparing import Stored
    from bnnaudit.releases.earlier import EarlierAudit

NEVER_BEGUN = "interrupted before it was audited"


@dataclass(frozen=True, slots=True)
class _Model:
    """A model, and for each threat the settings and the policy."""

    path: Path
    runs: tuple[tuple[Settings, Policy], ...]
    baseline: Stored | None


@dataclass(frozen=True, slots=True)
class Audits:
    """What a command asks for. groups: its options but for the network's and the output's. evidence: what takes the
    counterexamples."""

    models: tuple[Path, ...]
    network: options.Deployed
    groups: tuple[Options, ...]
    output: options.Report
    transfer: bool
    made: Provenance
    evidence: EvidenceOutput

    def run(self) -> tuple[Report | Failure, ...]:
        """The entries in the order of models and threats; what keeps one model from being audited keeps no other.

        Raises WouldOverwriteError before anything is done.
        """
        settled = [self._settled(path) for path in self.models]
        retire_reports(self.output, self.models, self.made)
        alone = len(settled) == 1 and (isinstance(settled[0], Failure) or len(settled[0].runs) == 1)
        entries: list[Report | Failure] = []
        with progress_bar(self.output.quiet) as progress:
            for number, model in enumerate(settled, start=1):
                if isinstance(model, Failure):
                    entries.append(model)
                    continue
                title = f"{number} of {len(settled)}" if len(settled) > 1 else ""
                stopped = any(map(was_interrupted, entries))
                entries += self._audited(model, title, progress, stopped, alone)
        return tuple(entries)

    def _settled(self, path: Path) -> _Model | Failure:
        """What is to be done with a model, as far as can be said without opening it."""
        try:
            settings = settle(path, self.network, *self.groups, self.output)
            if said(*self.groups).get("max_drop") is not None and settings.policy.baseline is None:
                raise UsageError("max-drop: there is nothing that accuracy could fall from; add --baseline REPORT.json")
            runs = tuple(_runs(settings))
            return _Model(path, runs, _baseline_for([own for own, _ in runs]))
        except WouldOverwriteError:
            raise
        except AuditError as error:
            return self._failure(path, error)

    def _audited(
        self, model: _Model, title: str, progress: Shown, stopped: bool, alone: bool
    ) -> Iterator[Report | Failure]:
        """An entry for each threat, or only one where the model cannot be opened. alone: no other entries are to come."""
        opened: Opened | None = None
        make_substitute: Callable[[Target], Target] | None = None
        for settings, policy in model.runs:
            if stopped:
                yield Failure(self.made, str(model.path), NEVER_BEGUN, ExitCode.UNFINISHED)
                continue
            under = _threat_text(settings) if len(model.runs) > 1 else ""
            progress.begin(" ".join(filter(None, (title, under))))
            try:
                progress.task("loading")
                opened = _opened(model.path, settings) if opened is None else opened.under(settings)
                make_substitute = make_substitute or _substitute_of(opened, teller(progress, self.output.verbose))
                earlier = _earlier(model, opened, alone)
                audited = self._run(opened, policy, make_substitute, progress, earlier)
                self.evidence.add(model.path, audited.target, audited.confirmed, audited.report, alone)
                entry: Report | Failure = audited.report
            except BaseException as error:  # a network's code may raise SystemExit
                entry = self._failure(model.path, error, under if opened is not None else "")
            yield entry
            stopped = was_interrupted(entry)
            if opened is None:
                return

    def _run(
        self,
        opened: Opened,
        policy: Policy,
        make_substitute: Callable[[Target], Target],
        progress: Shown,
        earlier: EarlierAudit | None,
    ) -> Audited:
        from bnnaudit.auditing.request import request_for
        from bnnaudit.auditing.run import run_audit

        keep_images = self.evidence.wanted
        least = 0 if earlier is None else earlier.images
        request = request_for(opened, policy, self.transfer, self.made, make_substitute, keep_images, least)
        audited = run_audit(request, progress)
        return audited if earlier is None else replace(audited, report=earlier.hold(audited.report))

    def _failure(self, path: Path, error: BaseException, under: str = "") -> Failure:
        """What there is instead of a report."""
        if self.output.verbose:
            show_traceback(error)
        message, code = explained(error)
        return Failure(self.made, str(path), f"{under}: {message}" if under else message, code)


def _baseline_for(runs: Sequence[Settings]) -> Stored | None:
    """The baseline that the settings of all threats name."""
    path = runs[0].policy.baseline
    if path is None:
        return None
    from bnnaudit.releases.earlier import read_baseline_for  # reads all rules

    return read_baseline_for(path, runs)


def _earlier(model: _Model, opened: Opened, alone: bool) -> EarlierAudit | None:
    """What the baseline says of the model under this threat; None where none was given."""
    if model.baseline is None:
        return None
    from bnnaudit.releases.earlier import EarlierAudit

    return EarlierAudit.of(model.baseline, str(model.path), opened.threat, alone=alone)


def was_interrupted(entry: Report | Failure) -> bool:
    """Whether the user has stopped the command while this audit ran."""
    if isinstance(entry, Failure):
        return entry.message.endswith(INTERRUPTED) or entry.message == NEVER_BEGUN
    return entry.verdict is not None and entry.verdict.reason == STOPPED


def _runs(settings: Settings) -> Iterator[tuple[Settings, Policy]]:
    """The settings for each threat with its policy; raises an AuditError for what cannot be."""
    from bnnaudit.config.policies import policies_of

    for threat, policy in policies_of(settings):
        if policy.select or policy.ignore or policy.require or policy.waivers:
            from bnnaudit.rules.policy_names import validate_names  # reads all rules

            validate_names(policy)
        own = settings.model_copy(update={"threat": threat})
        require_runnable(own)
        yield own, policy


def _opened(path: Path, settings: Settings) -> Opened:
    from bnnaudit.auditing.open import open_model_and_data

    return open_model_and_data(path, settings)


def _substitute_of(opened: Opened, told: Callable[[str], None]) -> Callable[[Target], Target]:
    """Makes the substitute for the transfer check when it is first asked for, and no second time."""
    from bnnaudit.auditing.open import substitute_maker

    make = substitute_maker(opened, told)
    made: list[Target] = []

    def once(target: Target) -> Target:
        if not made:
            made.append(make(target))
        return made[0]

    return once


def _threat_text(settings: Settings) -> str:
    """`linf 8/255`."""
    threat = settings.threat
    return f"{threat.norm} {length_text(threat.eps or 0)}"
