"""Runs a plan: probes, trials, replay, judgement."""
