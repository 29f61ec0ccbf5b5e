"""Attacks on a target; `table` lists them."""
