"""From a finished report to text; `table` lists the formats."""
