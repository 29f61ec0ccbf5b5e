"""The command line: one file a command. Text becomes objects here, and only here does the program exit."""
