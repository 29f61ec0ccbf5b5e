"""What an audit judges: one file per rule, sorted by the family of its code."""
