"""The command line: one file per command. Text becomes objects here, and only here does the program exit."""
