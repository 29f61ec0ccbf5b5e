"""What the exit code of a command says."""

PASSED, FAILED, BAD_INPUT, UNFINISHED, BUG = 0, 1, 2, 3, 70
