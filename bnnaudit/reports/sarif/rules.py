"""The rules of a run: those of the catalogue that found something, and those of the gate that are not met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bnnaudit.core.finding import Confidence, Family, Finding, Rule, Severity
from bnnaudit.core.gate import CriterionKind
from bnnaudit.core.sources import cited
from bnnaudit.reports.json.parts import JsonObject
from bnnaudit.reports.rule_words import rule_sections
from bnnaudit.reports.sarif.messages import paragraphs, plain_text, without_tags

SECURITY_SEVERITY: Mapping[Severity, str] = {Severity.ERROR: "7.0", Severity.WARNING: "4.0", Severity.NOTE: "1.0"}
"""CVSS-like scores that code scanning shows as high, medium and low: the least of the first two, and one of the third. Only for
rules about the claimed robustness, which is a statement on security; the others say why it fails."""
_TAGS = {
    Family.SYMPTOM: ("adversarial-robustness", "symptom"),
    Family.CAUSE: ("adversarial-robustness", "cause"),
    Family.VERDICT: ("adversarial-robustness", "security", "verdict"),
    Family.MODEL: ("model",),
}
_CERTAINTY = tuple(reversed(Confidence))
"""From the least certain on."""


@dataclass(frozen=True, slots=True)
class GateRule:
    """What a criterion of the gate is about, and what to do where it is not met."""

    summary: str
    meaning: str
    remedy: str


GATE_RULES: Mapping[CriterionKind, GateRule] = {
    CriterionKind.AUDIT: GateRule(
        "The audit reached no verdict about the model.",
        "Nothing is known about the model's robustness, so nothing may be concluded from the absence of other findings.",
        "Read the notifications of this run, remove what stopped the audit, and run it again.",
    ),
    CriterionKind.FINDINGS: GateRule(
        "There are findings that the policy does not allow.",
        "The policy names the severity from which a finding fails the release (`fail_on`), and the rules that count.",
        "Follow the remedy of each finding, or accept it with a waiver that has an owner and an expiry date.",
    ),
    CriterionKind.CLAIM: GateRule(
        "The accuracy under attack that the model's maker declares is not met.",
        "The declared figure has no tolerance: it is compared with what is left of the accuracy after every attack of the audit.",
        "Correct the declared figure, or train the model until it is met.",
    ),
    CriterionKind.CLEAN: GateRule(
        "The clean accuracy is not shown to be at least what the policy asks.",
        "Clean accuracy is the share of images that the deployed model classifies correctly without any attack.",
        "Do not release the model; check that it was fed as it was trained, then train it further.",
    ),
    CriterionKind.VERIFIED: GateRule(
        "The verified accuracy is not shown to be at least what the policy asks.",
        "Verified accuracy is the share of images that withstand every attack of the audit: at most so many are robust.",
        "Do not release the model under this threat; train it adversarially, or declare a smaller radius.",
    ),
    CriterionKind.GAP: GateRule(
        "The claimed accuracy exceeds the verified one by more than the policy allows.",
        "A gap means that ordinary attacks, or the declared figure, overstate the robustness of the model.",
        "State the verified figure instead of the claimed one, and follow the remedies of the other findings.",
    ),
    CriterionKind.REQUIRED: GateRule(
        "A check that the policy requires gave no outcome.",
        "It was skipped or it broke, so the audit does not say what the policy wants to know.",
        "Read why it was skipped among the notifications of this run; a higher `--effort` runs more checks.",
    ),
    CriterionKind.BASELINE: GateRule(
        "The model is worse than in an earlier report, beyond chance.",
        "A figure of this audit is compared with the same figure of the baseline.",
        "Find out what changed since the baseline (`bnnaudit compare`), or accept this report as the new baseline.",
    ),
}


def gate_code(kind: CriterionKind) -> str:
    """The rule's code: `GATE/min-verified`."""
    return f"GATE/{kind}"


def descriptor_of(rule: Rule, findings: Iterable[Finding]) -> JsonObject:
    """A rule of the catalogue in full; its precision is the confidence of the least certain of its findings."""
    publications = [f"- [{source.label}] {_publication(source.title, source.link)}" for source in cited(rule.source)]
    sections = (*rule_sections(rule), ("Publications", "\n".join(publications)))
    certainty = [finding.confidence for finding in findings]
    security = {"security-severity": SECURITY_SEVERITY[rule.severity]} if rule.family is Family.VERDICT else {}
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": plain_text(rule.summary)},
        "fullDescription": {"text": paragraphs(rule.meaning)},
        "help": _help(rule.summary, sections),
        "defaultConfiguration": {"level": str(rule.severity)},
        "properties": {
            "precision": str(min(certainty, key=_CERTAINTY.index)),
            "problem.severity": _problem(rule.severity),
            "tags": list(_TAGS[rule.family]),
            **security,
        },
    }


def gate_descriptor(kind: CriterionKind) -> JsonObject:
    """A rule of the gate in full; whether a criterion is met is no matter of opinion, hence its precision."""
    rule = GATE_RULES[kind]
    return {
        "id": gate_code(kind),
        "name": str(kind),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.meaning},
        "help": _help(rule.summary, (("What it means", rule.meaning), ("What to do", rule.remedy))),
        "defaultConfiguration": {"level": "error"},
        "properties": {"precision": "very-high", "problem.severity": "error", "tags": ["gate"]},
    }


def _help(summary: str, sections: Iterable[tuple[str, str]]) -> JsonObject:
    parts = [(title, paragraphs(words)) for title, words in sections if words]
    text = "\n\n".join([plain_text(summary), *(f"{title}\n\n{words}" for title, words in parts)])
    markdown = "\n\n".join([plain_text(summary), *(f"## {title}\n\n{words}" for title, words in parts)])
    return {"text": text, "markdown": without_tags(markdown)}


def _publication(title: str, link: str) -> str:
    if not link:
        return title
    return f"{title}, {link if '://' in link else f'https://{link}'}"


def _problem(severity: Severity) -> str:
    """What code scanning calls the severity of a rule."""
    return "recommendation" if severity is Severity.NOTE else str(severity)
