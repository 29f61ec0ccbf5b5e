"""The largest numbers that options and cards take: beyond them libraries overflow, or the machine hangs."""

LARGEST_COUNT = 2**31 - 1
"""PyTorch counts threads and images in integers of C."""
LARGEST_SEED = 2**63 - 1
"""Generators are seeded with 64 bits."""
MOST_THREADS = 1024
"""More than any machine benefits from; 100,000 could not be stopped within a minute. Not tuned."""
