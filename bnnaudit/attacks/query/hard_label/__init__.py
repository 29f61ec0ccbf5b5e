"""Hard-label attacks: they learn nothing but the predicted class."""
