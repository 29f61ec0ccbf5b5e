"""FR3xx: what is claimed against what is left."""
