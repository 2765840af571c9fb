"""`python -m transfer_study` is the command line."""

from transfer_study.cli import main

if __name__ == "__main__":
    main()
