"""Trains the networks that are built in."""
