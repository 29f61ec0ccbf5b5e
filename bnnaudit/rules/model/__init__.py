"""MF4xx: the model itself and its data."""
