"""Where text for people goes: what data say is shown as it stands, never obeyed."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from transfer_study.report.tables.table import Table, TableCell
from transfer_study.visible import visible_lines

if TYPE_CHECKING:
    import pandas as pd

_UNFOLDED = 200
_SCHEMA = 1  # of what is printed as JSON


class PlainConsole(Console):
    """A console on which square brackets are no markup, and control characters have no effect.

    Strings are styled by the `style` of `print`, of rows and of columns, or as a `Text`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Every string that is printed, in tables too, comes by here."""
        return super().render_str(visible_lines(text), **options)


def stdout() -> PlainConsole:
    """The terminal; into a file or a pipe nothing is folded."""
    return PlainConsole(width=None if sys.stdout.isatty() else _UNFOLDED)


def stderr() -> PlainConsole:
    """The terminal, for messages."""
    return PlainConsole(stderr=True)


def warn(sentences: Sequence[str]) -> None:
    """A line a warning to stderr."""
    for said in sentences:
        stderr().print(f"warning: {said}", style="yellow", soft_wrap=True)


def in_terminal(table: Table) -> RichTable:
    """A table as a terminal shows it, its notes left out; headings that are all empty are not."""
    shown = RichTable(
        title=table.title or None,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        show_header=any(column.heading for column in table.columns),
    )
    for column in table.columns:
        shown.add_column(
            column.heading,
            justify="right" if column.number else "left",
            no_wrap=column.whole,
            overflow="ellipsis" if column.whole else "fold",
        )
    for row in table.rows:
        shown.add_row(*map(_text, row.cells), style=row.style)
    return shown


def _text(cell: TableCell) -> Text:
    words = f"{cell.text} {cell.marks}" if cell.marks else cell.text
    return Text(visible_lines(words), style="bold" if cell.bold else "")


def headed(name: str, rest: str) -> Text:
    """A name in bold, and what is said of it."""
    return Text.assemble((visible_lines(name), "bold"), visible_lines(rest))


def print_json(content: Mapping[str, Any]) -> None:
    """Print one JSON object to stdout; what is not known, or is no finite number, is null."""
    print(json.dumps(_finite({"schema": _SCHEMA, **content}), indent=1, allow_nan=False))


def records_of(table: pd.DataFrame) -> Any:
    """The rows of a table as plain values."""
    return json.loads(table.to_json(orient="records", double_precision=15))


def _finite(value: Any) -> Any:
    match value:
        case dict():
            return {key: _finite(inner) for key, inner in value.items()}
        case list() | tuple():
            return list(map(_finite, value))
        case float():
            return value if math.isfinite(value) else None
        case _:
            return value


def live_console() -> Console | None:
    """The terminal that stderr goes to, where a view can be drawn on it."""
    console = stderr()
    return console if sys.stderr.isatty() and not console.is_dumb_terminal else None


@contextmanager
def drawn(view: Callable[[], RenderableType], console: Console | None) -> Iterator[None]:
    """Draw what goes on, over and over until it ends; nothing without a console."""
    if console is None:
        yield
        return
    from rich.live import Live

    with Live(console=console, get_renderable=view, refresh_per_second=2, transient=True):
        yield
