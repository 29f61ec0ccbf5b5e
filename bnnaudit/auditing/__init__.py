"""One run over a sample, from what was opened to the finished report."""
