"""Surrogate gradients of sign and round, and the binary layers built on them."""
