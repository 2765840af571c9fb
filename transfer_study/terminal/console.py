"""Where text for people goes."""

from __future__ import annotations

import sys

from rich.console import Console

_UNFOLDED = 200


def stdout() -> Console:
    """The terminal; into a file or a pipe nothing is folded."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _UNFOLDED)
