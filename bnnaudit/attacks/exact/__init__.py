"""Attacks by exact optimisation."""
