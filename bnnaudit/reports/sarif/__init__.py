"""SARIF 2.1.0, the OASIS format that code scanning takes: a run for each audit."""
