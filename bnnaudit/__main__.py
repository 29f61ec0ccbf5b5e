"""`python -m bnnaudit`: the program without its entry on the path."""

from bnnaudit.cli.main import main

main()
