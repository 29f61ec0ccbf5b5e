"""Attacks that climb a loss along its gradient."""
