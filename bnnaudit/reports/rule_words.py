"""The texts of a rule under the headings that all formats share which print it in full."""

from bnnaudit.core.finding import Rule


def rule_sections(rule: Rule) -> tuple[tuple[str, str], ...]:
    """Headings and texts in reading order; the summary comes before them."""
    return (
        ("What it means", rule.meaning),
        ("How it is measured", rule.measured),
        ("Threshold", rule.threshold),
        ("Source", rule.source),
        ("What to do", rule.remedy),
        ("False alarms", rule.false_alarms),
    )
