"""Reports to read in a terminal."""
