"""What the check of evidence found, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

SCHEMA = "bnnaudit-verification/1"
LISTED = 10
"""Problems of one kind that are written out. Not tuned."""
TRUSTED = "Threat, Fed as, Sessions and the labels are what the evidence states; hold them against what was promised"
UNCHECKED = "that the originals are of these data, and the accuracies and verdict of its report"


@dataclass(slots=True)
class Verification:
    """What the check of one evidence found.

    threat, input, data, sessions: in words, as the evidence states them. inside: adversarial images inside the threat. clean:
    originals that are classified as stated, and correctly. fooled: adversarial images that are classified wrongly. holding:
    counterexamples of which all three are true, and that are in the report. problems: all that is wrong, a line each. cannot: why
    the model could not be run, empty if it could.
    """

    evidence: str
    model: str
    manifest_sha256: str = ""
    threat: str = ""
    input: str = ""
    data: str = ""
    sessions: tuple[str, ...] = ()
    counterexamples: int = 0
    inside: int = 0
    clean: int = 0
    fooled: int = 0
    holding: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cannot: str = ""

    @property
    def exit_code(self) -> int:
        """0 all is well, 1 something is wrong, 3 the model could not be run."""
        if self.problems:
            return 1
        return 3 if self.cannot else 0

    def enter(self, problems: Sequence[str], what: str) -> None:
        """Enters problems of one kind, the first few in full and none twice."""
        self.problems += [problem for problem in problems[:LISTED] if problem not in self.problems]
        if len(problems) > LISTED:
            self.problems.append(f"and {len(problems) - LISTED} more {what}")


def exit_code(found: Sequence[Verification]) -> int:
    """Of several together: what is wrong comes before what could not be run."""
    codes = {one.exit_code for one in found}
    return 1 if 1 in codes else max(codes, default=0)


def as_text(found: Sequence[Verification]) -> str:
    """For people."""
    return "\n".join("".join(f"{line}\n" for line in _lines(one)) for one in found)


def _lines(one: Verification) -> Iterator[str]:
    yield f"Evidence  {one.evidence}"
    if one.manifest_sha256:
        yield f"Manifest  sha256 {one.manifest_sha256}"
    yield f"Model     {one.model}"
    count = one.counterexamples
    if one.manifest_sha256:
        yield f"Threat    {one.threat}"
        yield f"Fed as    {one.input}"
        yield f"Sessions  {', '.join(one.sessions)}"
        yield f"Data      {one.data}"
        yield f"Trusted   {TRUSTED}"
        yield f"Unchecked {UNCHECKED}"
        yield f"Inside    {one.inside} of {count} adversarial images are inside the radius and the range"
        if not one.cannot:
            yield f"Clean     {one.clean} of {count} originals are classified as stated, and correctly"
            session = " in at least one session" if len(one.sessions) > 1 else ""
            yield f"Fooled    {one.fooled} of {count} adversarial images are classified wrongly{session}"
    yield from (f"Note      {note}" for note in one.notes)
    yield from (f"WRONG     {problem}" for problem in one.problems)
    match one.exit_code:
        case 0 if count == 0:
            yield "OK        there is no counterexample, so this shows nothing about the model"
        case 0:
            yield f"OK        {one.holding} of {count} counterexamples hold for the threat {one.threat}"
        case 1 if not one.manifest_sha256:
            yield "FAIL      nothing could be replayed"
        case 1:
            yield f"FAIL      {one.holding} of {count} counterexamples hold" + (f"; {one.cannot}" if one.cannot else "")
        case _:
            yield f"UNKNOWN   {one.cannot}"


def as_json(found: Sequence[Verification]) -> str:
    """For programs: the same as one document."""
    taken = {"trusted": TRUSTED, "unchecked": UNCHECKED}
    entries = [{**asdict(one), **taken, "verified": one.exit_code == 0} for one in found]
    document = {"schema": SCHEMA, "verified": exit_code(found) == 0, "evidence": entries}
    return json.dumps(document, indent=2) + "\n"
