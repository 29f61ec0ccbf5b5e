"""`auto`: the attack that chooses its settings, and what it is made of."""
