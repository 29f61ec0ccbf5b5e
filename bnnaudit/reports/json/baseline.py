"""What a report says of the earlier one that it was held against, as JSON."""

from bnnaudit.core.comparison import Baseline, Drop, GoneFinding, SharedImages
from bnnaudit.reports.json.finding import finding_to_json
from bnnaudit.reports.json.parts import JsonObject, record


def baseline_to_json(baseline: Baseline) -> JsonObject:
    """The file, what it says of the model, and what changed since."""
    return {
        **record(baseline, "file", "release", "void"),
        "images": None if baseline.images is None else images_to_json(baseline.images),
        "drops": [drop_to_json(drop) for drop in baseline.drops],
        "gone": [gone_to_json(gone) for gone in baseline.gone],
        **record(baseline, "warnings"),
    }


def images_to_json(images: SharedImages) -> JsonObject:
    """How many two reports share."""
    return record(images, "older", "newer", "shared", "relabelled", "paired")


def drop_to_json(drop: Drop) -> JsonObject:
    """Positive where the accuracy fell."""
    return record(drop)


def gone_to_json(gone: GoneFinding) -> JsonObject:
    """The finding with its rule as its own report had them, and why its check has no outcome now."""
    return {
        **finding_to_json(gone.finding),
        "explained": record(gone.finding.rule),
        "unchecked": gone.unchecked,
    }
