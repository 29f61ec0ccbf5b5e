"""What the `[policy]` of a file says, and the policies that follow from it: one for each threat."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

from pydantic import Field, StrictBool, StrictInt, model_validator

from bnnaudit.config.kinds import Day, FilledText, Length, PathText, Share, Table, choice, key, required
from bnnaudit.core.policy import Decide, FailOn, Limits, Policy, Waiver
from bnnaudit.core.threat import IMAGE_BITS, Norm, length_text

LIMITS = ("min_clean", "min_verified", "max_gap", "max_drop")
"""The keys of the thresholds, named as in `Limits`."""

MOST_THREATS, MOST_WAIVERS, MOST_NAMES = 100, 1_000, 1_000
"""Entries of a policy: every threat is an audit of its own. Not tuned."""

Names: TypeAlias = Annotated[tuple[FilledText, ...], Field(max_length=MOST_NAMES)]


class LimitsTable(Table):
    """Thresholds, as fractions or in percent (`"30%"`)."""

    min_clean: Share | None = key("Least accuracy without attack: 0.9 or '90%'.")
    min_verified: Share | None = key("Least accuracy that is left after every attack of the audit: 0.3 or '30%'.")
    max_gap: Share | None = key(
        "Most that the claimed accuracy under attack may exceed the verified one by: 0.05 or '5%'."
    )
    max_drop: Share | None = key(
        "Most that clean and verified accuracy may lie below those of the baseline or of the older release: 0.02 or '2%'."
    )


class PolicyThreatTable(LimitsTable):
    """[[policy.threats]]: one threat to audit under, and thresholds of its own; those left out are the policy's."""

    norm: Annotated[Norm, *choice(Norm)] = required("Norm of the perturbation.")
    eps: Length = required("Radius in units of the [0,1] image: '8/255', '8px' or 0.03.")
    image_bits: Annotated[StrictInt, Field(ge=IMAGE_BITS[0], le=IMAGE_BITS[1])] | None = key(
        "Count only images that pixels of so many bits can store (as [threat] says)."
    )


class WaiverTable(Table):
    """[[policy.waivers]]: a finding that the project accepts, until a day."""

    rule: Annotated[FilledText, Field(pattern="^[A-Z]{2}[0-9]{3}$")] = required("Code of the rule, such as 'SP201'.")
    model: FilledText | None = key("The model's SHA-256, or a glob of its path (every model).")
    reason: FilledText = required("Why the finding is acceptable.")
    owner: FilledText = required("Who answers for it.")
    expires: Day = required("The last day on which it holds: 2027-01-31.")

    def waiver(self) -> Waiver:
        """The waiver that this describes."""
        return Waiver(self.rule, self.reason, self.owner, self.expires, self.model or "*")


Threats: TypeAlias = Annotated[tuple[PolicyThreatTable, ...], Field(max_length=MOST_THREATS)]
Waivers: TypeAlias = Annotated[tuple[WaiverTable, ...], Field(max_length=MOST_WAIVERS)]


class PolicyTable(LimitsTable):
    """[policy]: what the gate asks of a model."""

    fail_on: Annotated[FailOn | None, *choice(FailOn)] = key("The least severity of a finding that fails (error).")
    decide: Annotated[Decide | None, *choice(Decide)] = key(
        "Whether a figure meets its threshold with its whole 95 % interval, or by the estimate alone (interval)."
    )
    select: Names | None = key("Codes of the rules that count, or how they begin: ['FR', 'MF4'] (all).")
    ignore: Names | None = key("Codes of rules that do not count, or how they begin.")
    require: Names | None = key("Checks, or codes of their rules, without whose outcome nothing passes.")
    threats: Threats | None = key("Threats to audit under, one after another (that of [threat]).")
    waivers: Waivers | None = key("Findings that the project accepts, until a day.")
    baseline: PathText | None = key(
        "JSON report of an earlier audit: only what is new or worse than there fails. Not for a card."
    )
    trust_cards: StrictBool | None = key(
        "Let a card loosen this policy as well; for a project whose cards are all its own. Not for a card itself (false)."
    )

    @model_validator(mode="after")
    def _different_threats(self) -> Self:
        known: set[tuple[Norm, float, int | None]] = set()
        for one in self.threats or ():
            same = (one.norm, one.eps, one.image_bits)
            if same in known:
                raise ValueError(f"threats names {one.norm} {length_text(one.eps)} twice; leave one out")
            known.add(same)
        return self

    def policy(self, limits: Limits) -> Policy:
        """The policy with these thresholds."""
        return Policy(
            limits=limits,
            fail_on=self.fail_on or FailOn.ERROR,
            select=self.select or (),
            ignore=self.ignore or (),
            require=self.require or (),
            decide=self.decide or Decide.INTERVAL,
            waivers=tuple(waiver.waiver() for waiver in self.waivers or ()),
        )

    def limits(self, own: LimitsTable | None = None) -> Limits:
        """The thresholds, `own` before the policy's."""
        return Limits(**{**self.chosen(*LIMITS), **(own.chosen(*LIMITS) if own else {})})
