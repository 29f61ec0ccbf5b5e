"""The JSON of `explain`: rules, publications, and the cost of each effort."""

from bnnaudit.core.effort import Effort
from bnnaudit.core.finding import Rule
from bnnaudit.core.sources import cited
from bnnaudit.reports.documents import Bibliography, Catalogue, EffortTable
from bnnaudit.reports.json.parts import JsonObject, plain, record


def rule_to_json(rule: Rule) -> JsonObject:
    """A rule with every text it has, and the publications that it cites."""
    document = record(rule)
    return {"rule": document.pop("code"), **document, "publications": plain(cited(rule.source))}


def catalogue_to_json(catalogue: Catalogue) -> JsonObject:
    """Several rules."""
    return {"rules": [rule_to_json(rule) for rule in catalogue.rules]}


def bibliography_to_json(bibliography: Bibliography) -> JsonObject:
    """Publications with all that is known of them; no link is an empty string."""
    return record(bibliography)


def efforts_to_json(efforts: EffortTable) -> JsonObject:
    """Each check's passes for each image at each effort."""
    return {
        "checks": [
            {
                "check": cost.check,
                "rules": list(cost.rules),
                "passes": {str(effort): passes for effort, passes in zip(Effort, cost.passes, strict=True)},
            }
            for cost in efforts.checks
        ]
    }
