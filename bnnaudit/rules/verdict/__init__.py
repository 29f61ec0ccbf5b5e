"""FR3xx: fake robustness."""
