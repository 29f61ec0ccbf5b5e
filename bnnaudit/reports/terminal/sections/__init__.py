"""The sections of the terminal report; `terminal/audit.py` has them in order."""
