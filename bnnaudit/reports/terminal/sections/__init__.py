"""The sections of the report to read; `terminal/audit.py` has them in order."""
