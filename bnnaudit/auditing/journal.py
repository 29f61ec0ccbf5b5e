"""What an audit has found so far, kept when it is interrupted, and what broke on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bnnaudit.core.finding import Fault
from bnnaudit.core.probing import Probes
from bnnaudit.core.report import SignalTable, SubstituteFacts
from bnnaudit.core.surrogate import SurrogateKind
from bnnaudit.core.trial import Source, Trial


@dataclass(slots=True)
class Journal:
    """What has been found so far beside the attacks; kept when the audit is interrupted. Written by the steps of one audit.

    unrunnable: why a trial has no result.
    """

    unrunnable: dict[Trial, str] = field(default_factory=dict)
    probes: Probes = field(default_factory=Probes)
    signal: SignalTable | None = None
    substitute: SubstituteFacts | None = None
    faults: list[Fault] = field(default_factory=list)
    interrupted: str = ""


@contextmanager
def faults_into(journal: Journal, check: str, required: bool = False) -> Iterator[None]:
    """Turns an exception of one step into a fault of the report; interruption passes through."""
    try:
        yield
    except Exception as error:
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        journal.faults.append(Fault(check, text, required))


def describe(trial: Trial) -> str:
    """`pgd++ hns 20 steps triangular` and the like, for the progress bar and for faults."""
    attack = trial.attack
    words = [attack.name, str(attack.beta) if attack.name.endswith("++") else "", f"{attack.steps} steps"]
    return " ".join(word for word in (*words, gradient_words(trial)) if word)


def gradient_words(trial: Trial) -> str:
    """Where a trial's gradients come from, in words: a network, or else a surrogate; empty for those of ordinary attacks."""
    if trial.source is Source.SUBSTITUTE:
        return "from the substitute"
    if trial.source is not Source.WHITE_BOX:
        return str(trial.source)
    surrogate = trial.attack.surrogate
    return "" if surrogate.kind is SurrogateKind.IDENTITY else str(surrogate)
