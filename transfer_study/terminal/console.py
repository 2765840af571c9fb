"""Where text for people goes: what data say is shown as it stands, never obeyed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

from transfer_study.visible import visible_lines

_UNFOLDED = 200


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


def headed(name: str, rest: str) -> Text:
    """A name in bold, and what is said of it."""
    return Text.assemble((visible_lines(name), "bold"), visible_lines(rest))


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
