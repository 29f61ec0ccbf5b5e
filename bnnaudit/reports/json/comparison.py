"""Two releases compared, as JSON: bnnaudit-comparison/1, described by `schema/bnnaudit-comparison-1.json`."""

from bnnaudit.core.comparison import Comparison, ModelComparison, NotCompared
from bnnaudit.reports.json.attack_row import threat_to_json
from bnnaudit.reports.json.baseline import drop_to_json, gone_to_json, images_to_json
from bnnaudit.reports.json.finding import finding_to_json, rules_to_json
from bnnaudit.reports.json.parts import JsonObject, head, record

SCHEMA = "bnnaudit-comparison/1"


def comparison_to_json(comparison: Comparison) -> JsonObject:
    """The files, each model, and what only one release has; a drop is the older accuracy less the newer one."""
    return {
        **head(SCHEMA, comparison.provenance),
        **record(comparison, "older", "newer"),
        "exit_code": int(comparison.exit_code),
        "models": [_pair(one) for one in comparison.entries if isinstance(one, ModelComparison)],
        "not_audited": [
            {**record(one, "model", "message"), "exit_code": int(one.exit_code)}
            for one in comparison.entries
            if isinstance(one, NotCompared)
        ],
        **record(comparison, "only_older", "only_newer"),
    }


def _pair(pair: ModelComparison) -> JsonObject:
    return {
        "threat": threat_to_json(pair.threat),
        "outcome": str(pair.outcome),
        "exit_code": int(pair.exit_code),
        "older": record(pair.older),
        "newer": record(pair.newer),
        "images": images_to_json(pair.images),
        "drops": [drop_to_json(drop) for drop in pair.drops],
        "findings": [finding_to_json(finding) for finding in pair.findings],
        "gone": [gone_to_json(gone) for gone in pair.gone],
        "rules": rules_to_json(pair.findings),
        **record(pair, "warnings", "policy", "criteria"),
    }
