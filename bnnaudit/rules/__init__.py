"""What an audit judges: one file a rule, by the family of its code."""
