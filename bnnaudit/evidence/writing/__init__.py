"""Writes evidence: `writer.py` is where to start. What checks it lies in the folder above, and needs nothing of this."""
