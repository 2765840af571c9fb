"""See table.py."""

import sys

from tests.chaos.table import main

if __name__ == "__main__":
    sys.exit(main())
