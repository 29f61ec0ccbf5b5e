"""Reports of several releases held against one another: comparison, baseline, history."""
