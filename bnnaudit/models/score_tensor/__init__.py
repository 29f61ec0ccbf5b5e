"""Which tensor of a network holds its scores."""
