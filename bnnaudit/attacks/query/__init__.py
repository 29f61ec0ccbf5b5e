"""Attacks that ask for scores or classes alone."""
