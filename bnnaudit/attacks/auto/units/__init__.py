"""Search over the signs of a binary network's first layer."""
