"""Lines as wide as a terminal: long ones folded, long names cut, and what runs as a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.console import Group
from rich.table import Table
from rich.text import Text

_INDENT = " " * 9
JOINED = "\N{NO-BREAK SPACE}"  # printed as a space


def folded(text: str, width: int) -> list[str]:
    """A text in lines of at most `width` cells, all but the first indented."""
    lines = [""]
    for word in re.findall(r" *[^ ]+", text):
        if cell_len(lines[-1] + word) <= width:
            lines[-1] += word
        else:
            pieces = chop_cells(word.lstrip(), width - len(_INDENT))
            lines += (_INDENT + piece for piece in pieces)
    return [line.replace(JOINED, " ") for line in lines if line]


def shortened(text: str, width: int, kept: int = 6) -> str:
    """A text of at most `width` cells; of a longer one its beginning and `kept` last signs."""
    if cell_len(text) <= width:
        return text
    end = text[-kept:]
    return f"{set_cell_size(text, width - 1 - cell_len(end))}…{end}"


def running_view(last: str, rows: Iterable[Sequence[str]], summary: str, width: int) -> Group:
    """What runs, a row each, and the counts below: what it is, epoch, time, and a `last` column."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", width=width)
    for heading in ("running", "epoch", "time"):
        table.add_column(heading, no_wrap=True, overflow="crop")
    table.add_column(last, no_wrap=True, ratio=1)
    for row in rows:
        table.add_row(*map(Text, row))
    counts = Text(summary, style="bold", no_wrap=True, overflow="ellipsis")
    return Group(table, counts) if table.rows else Group(counts)
