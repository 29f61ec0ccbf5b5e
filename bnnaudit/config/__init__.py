"""What the command line, a card and the project's file can say, read and merged."""
