"""The program's entry, as `bnnaudit` and `python -m bnnaudit`: listens for signals before it imports what takes time."""

from bnnaudit.cli.interrupts import listen


def main() -> None:
    """Runs the command line and exits."""
    listen()
    from bnnaudit.cli.main import main as run_program

    run_program()


if __name__ == "__main__":
    main()
