"""Measurements on a model beside attacks: pure functions from a target and images to values."""
