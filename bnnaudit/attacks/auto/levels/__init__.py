"""Search among the levels that an input quantizer gives each pixel."""
